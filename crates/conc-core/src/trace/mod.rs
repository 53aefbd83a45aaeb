//! What happened when: events of workers, as pictures.
