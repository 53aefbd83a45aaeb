//! All states.

use super::judge::MISSED;
use super::world::{Case, Op, World};
use std::collections::HashSet;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

/// Looks at all states; how many there were.
pub(super) fn search(case: &Case) -> Result<usize, &'static str> {
    let mut seen = HashSet::new();
    let mut open = vec![World::new(case)];
    while let Some(world) = open.pop() {
        let mut hasher = DefaultHasher::new();
        world.hash(&mut hasher);
        if !seen.insert(hasher.finish()) {
            continue;
        }
        world.judge(case)?;
        let mut stuck = true;
        for process in 0..world.processes.len() {
            if !world.processes[process].buffer.is_empty() {
                stuck = false;
                let mut next = world.clone();
                let (word, value) = next.processes[process].buffer.remove(0);
                next.words[word] = value;
                open.push(next);
            }
            if world.can_run(case, process) {
                stuck = false;
                let mut next = world.clone();
                next.run(case, process)?;
                open.push(next);
            }
            let succeeded =
                case.programs.iter().flatten().any(
                    |op| matches!(op, Op::Take(_, Some(from)) if usize::from(*from) == process),
                );
            if succeeded && world.processes[process].alive && world.deaths < case.deaths {
                let mut next = world.clone();
                next.kill(case, process);
                open.push(next);
            }
        }
        if stuck {
            match world.judge_end(case) {
                Err(MISSED) if case.slices => {
                    let mut next = world.clone();
                    next.processes.iter_mut().for_each(|state| state.asleep = None);
                    open.push(next);
                }
                verdict => verdict?,
            }
        }
    }
    Ok(seen.len())
}
