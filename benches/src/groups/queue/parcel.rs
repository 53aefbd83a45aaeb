//! What goes through a channel between threads: a value that owns its bytes.

/// A message as a channel carries it.
pub(in crate::groups) trait Parcel: Send + 'static {
    /// A message of `size` bytes, filled by the buffer that a sender keeps for that.
    fn pack(buffer: &mut [u8], fill: impl FnOnce(&mut [u8])) -> Self;
    fn bytes(&self) -> &[u8];
}

/// Small messages travel in the channel itself.
impl<const SIZE: usize> Parcel for [u8; SIZE] {
    #[inline]
    fn pack(_: &mut [u8], fill: impl FnOnce(&mut [u8])) -> Self {
        let mut bytes = [0; SIZE];
        fill(&mut bytes);
        bytes
    }

    #[inline]
    fn bytes(&self) -> &[u8] {
        self
    }
}

/// Large ones are allocated, and only their address travels.
impl Parcel for Box<[u8]> {
    #[inline]
    fn pack(buffer: &mut [u8], fill: impl FnOnce(&mut [u8])) -> Self {
        // Filled where it is warm and then copied: zeroing fresh memory first would cost more.
        fill(buffer);
        Self::from(&*buffer)
    }

    #[inline]
    fn bytes(&self) -> &[u8] {
        self
    }
}

/// A sender of parcels, with the buffer to pack them.
pub(in crate::groups) struct Packer<S> {
    pub(super) sender: S,
    buffer: Box<[u8]>,
}

impl<S> Packer<S> {
    pub(super) fn new(sender: S, size: usize) -> Self {
        Self { sender, buffer: vec![0; size].into() }
    }

    #[inline]
    pub(super) fn pack<P: Parcel>(&mut self, fill: impl FnOnce(&mut [u8])) -> P {
        P::pack(&mut self.buffer, fill)
    }
}
