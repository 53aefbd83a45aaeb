//! Names, numbers, parents, children, processors (P5).

#![allow(clippy::print_stdout, reason = "a program that shows something")]

use conc_process::{Builder, Process, children, cpu_count, current, parent};

fn introduce(_: ()) -> String {
    let me = current();
    match parent() {
        Some(parent) => format!("{} (child of {})", me.name(), parent.name()),
        None => format!("{} (nobody's child)", me.name()),
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("{}", introduce(()));
    println!("{}", Process::spawn(introduce, ())?.join()?);
    println!("{}", Builder::new().name("worker").spawn(introduce, ())?.join()?);
    let nested = |()| Process::spawn(introduce, ()).unwrap().join().unwrap();
    println!("{}", Process::spawn(nested, ())?.join()?);

    let idle = Builder::new().name("idle").spawn(|()| std::thread::park(), ())?;
    let names: Vec<_> = children().iter().map(|child| child.name().to_owned()).collect();
    println!("children: {names:?}");
    idle.kill()?;
    println!("can run at once: {}", cpu_count());
    let machine = std::fs::read_to_string("/proc/cpuinfo")?.matches("processor\t:").count();
    println!("not more than the machine has: {}", cpu_count() <= machine.max(1));
    Ok(())
}
