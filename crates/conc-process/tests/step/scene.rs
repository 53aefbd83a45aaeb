//! Where to kill, and how it is done.

use super::{Diary, Fate, Route, Seen, Verdict, Victim, asleep};
use conc_core::JoinError;
use conc_process::Pool;
use std::collections::HashSet;
use std::fs;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

/// The name of the pool's own thread.
const FOREMAN: &str = "conc-pool";
/// Work that each worker has done before its turn comes.
const HISTORY: usize = 3;
/// At so many steps before and after each change of what becomes of the work, all kills are tried.
const NEAR: usize = 16;
/// So often a place is tried that runs do not come to.
const RUNS: usize = 3;
/// So often a worker is let go that does not sleep where it should.
const ATTEMPTS: u32 = 1_000;
/// On a machine that is busy with something else, a scene has had enough deaths after so long.
const ENOUGH: Duration = Duration::from_secs(12);
/// Says that each step is to be tried: `all`.
const CHOICE: &str = "CONC_STEPS";

/// Work that was handed over: waits for it, and says who ran each part.
pub(crate) type Pending = Box<dyn FnOnce() -> Vec<Result<u32, JoinError>>>;

/// What a worker is killed at.
pub(crate) struct Scene {
    pub(crate) name: &'static str,
    /// Hands work over, of so many parts, in the order in which a worker takes them.
    pub(crate) order: fn(&Pool) -> Pending,
    pub(crate) parts: usize,
    pub(crate) retries: u32,
    /// At so many steps at the most, beside those that are near to changes.
    pub(crate) most: usize,
}

/// A scene that is played.
struct Play<'s> {
    scene: &'s Scene,
    pool: Pool,
    diary: &'static Diary,
    foreman: Option<String>,
    verdict: Verdict,
    places: HashSet<u64>,
    kills: u64,
    /// Kills of runs that left the route.
    astray: usize,
    /// Parts that were lost; at least, if they were tried again.
    lost: u64,
}

impl Scene {
    /// Plays it; what there was to see. `None`: nobody may be traced here.
    ///
    /// In a process of its own: its belongings are counted.
    pub(crate) fn play(&self) -> Option<String> {
        let started = Instant::now();
        let (diary, theirs) = Diary::create();
        let pool = Pool::builder().workers(1).retries(self.retries);
        let pool = pool.initializer(Diary::open, theirs).build().unwrap();
        let mut play = Play {
            scene: self,
            foreman: foreman(),
            pool,
            diary,
            verdict: Verdict::default(),
            places: HashSet::new(),
            kills: 0,
            astray: 0,
            lost: 0,
        };
        let mut route = play.record()?;
        // What starts at the first death and stays is there.
        play.kill(&mut route, 0);
        let before = play.belongings(|_| true);
        let stations = route.stations();
        let most = if all() { stations.len() } else { self.most.min(stations.len()) };
        for station in scattered(stations.len()).take(most) {
            if started.elapsed() > ENOUGH && !all() {
                break;
            }
            play.kill(&mut route, stations[station]);
        }
        let end = route.len() - 1;
        play.kill(&mut route, end);
        play.narrow(&mut route);
        play.belongings(|now| now.iter().zip(&before).all(|(now, was)| now <= was));
        let text = play.summary(&route);
        play.end();
        Some(format!("{text}, {:.1?}", started.elapsed()))
    }
}

impl Play<'_> {
    /// A run to its end.
    fn record(&mut self) -> Option<Route> {
        let (victim, pid) = self.victim(None)?;
        self.diary.clear();
        let pending = self.order();
        let route = Route::record(&victim, self.diary);
        self.over(victim, pid, pending);
        Some(route)
    }

    /// Kills a worker after so many steps, and judges.
    fn kill(&mut self, route: &mut Route, steps: usize) {
        for _ in 0..RUNS {
            if self.verdict.knows(steps) {
                return;
            }
            self.try_to_kill(route, steps);
        }
    }

    fn try_to_kill(&mut self, route: &mut Route, steps: usize) {
        let place = format!("{}, after {steps} steps", self.scene.name);
        let _named = Named(&place);
        let (victim, pid) = self.victim(Some(route)).expect("it was allowed before");
        self.diary.clear();
        let pending = self.order();
        let exact = route.lead(&victim, self.diary, steps);
        let fates = self.over(victim, pid, pending);
        if exact {
            self.verdict.add(steps, fates);
            self.places.insert(route.place(steps));
        } else {
            self.astray += 1;
        }
    }

    /// Hands the work over, and lets the pool come to rest: who rings for it, and who does not
    /// have to, is the same each time.
    fn order(&self) -> Pending {
        let pending = (self.scene.order)(&self.pool);
        self.rest();
        pending
    }

    fn rest(&self) {
        while self.foreman.as_ref().is_some_and(|stat| !asleep(stat)) {
            thread::yield_now();
        }
    }

    /// The victim dies: what becomes of its work.
    fn over(&mut self, victim: Victim, pid: u32, pending: Pending) -> Vec<Fate> {
        let parts = self.scene.parts;
        let before = self.diary.read();
        victim.kill();
        self.kills += 1;
        let told = pending();
        let seen = Seen { victim: pid, told, before, after: self.diary.read() };
        assert_eq!(seen.told.len(), parts);
        let fates = seen.fates(self.scene.retries > 0);
        self.lost += seen.lost(&fates);
        fates
    }

    /// A worker that has worked, sleeps, and was stopped there.
    fn victim(&self, route: Option<&Route>) -> Option<(Victim, u32)> {
        let pid = self.worker();
        let stat = format!("/proc/{pid}/stat");
        for attempt in 0.. {
            self.rest();
            while !asleep(&stat) {
                thread::yield_now();
            }
            let victim = Victim::seize(pid)?;
            let is_home = |route: &Route| route.home() == victim.place();
            // One that sleeps elsewhere leaves the route at once, which is counted.
            if route.is_none_or(is_home) || attempt == ATTEMPTS {
                return Some((victim, pid));
            }
            victim.release();
        }
        None
    }

    /// The worker, once it has worked.
    fn worker(&self) -> u32 {
        let mut ran = HashSet::new();
        for _ in 0..HISTORY {
            ran.extend((self.scene.order)(&self.pool)().into_iter().map(Result::unwrap));
        }
        assert_eq!(ran.len(), 1, "one worker, which nobody kills: {ran:?}");
        let pid = ran.into_iter().next().unwrap();
        assert_eq!(self.pool.stats().workers[0].pid, Some(pid));
        pid
    }

    /// Finds the very steps at which something changes, and tries all around them.
    fn narrow(&mut self, route: &mut Route) {
        let mut given_up = HashSet::new();
        loop {
            let wide = |&(from, to): &(usize, usize)| to - from > 1;
            let edges = self.verdict.edges().into_iter().filter(wide);
            let middles = edges.map(|(from, to)| usize::midpoint(from, to));
            let middles: Vec<_> = middles.filter(|middle| !given_up.contains(middle)).collect();
            if middles.is_empty() {
                break;
            }
            for middle in middles {
                self.kill(route, middle);
                if !self.verdict.knows(middle) {
                    given_up.insert(middle);
                }
            }
        }
        for (_, edge) in self.verdict.edges() {
            for steps in edge.saturating_sub(NEAR)..(edge + NEAR).min(route.len()) {
                self.kill(route, steps);
            }
        }
    }

    fn summary(&self, route: &Route) -> String {
        let Self { scene, kills, astray, places, .. } = self;
        // Each of them was judged by what is true of any death; here it is about where they were.
        let phases = self.verdict.phases(scene.parts, scene.retries > 0);
        let phases: Vec<_> = phases.iter().map(ToString::to_string).collect();
        let (name, length, phases) = (scene.name, route.len(), phases.join("; "));
        let (steps, places) = (self.verdict.steps().count(), places.len());
        let exact = kills - *astray as u64;
        assert!(exact >= *astray as u64, "{name}: {astray} of {kills} kills left the route");
        format!(
            "{name}: {length} instructions ({phases}); {kills} kills at {steps} of them, of \
             {places} addresses; {astray} elsewhere"
        )
    }

    /// Children, descriptors and mapped segments of this process while the pool has one worker and
    /// no work: once they are as they are expected, at most some seconds later.
    fn belongings(&self, expected: impl Fn(&[usize; 3]) -> bool) -> [usize; 3] {
        self.worker();
        for _ in 0..5_000 {
            self.rest();
            if expected(&belongings()) {
                break;
            }
            thread::park_timeout(Duration::from_millis(1));
        }
        let now = belongings();
        assert!(expected(&now), "{}: {now:?}: something is left behind", self.scene.name);
        now
    }

    /// The pool's own figures are right, and it ends.
    fn end(self) {
        let stats = self.pool.stats();
        let lost = stats.workers.iter().map(|worker| worker.lost).sum::<u64>();
        assert_eq!(stats.restarts(), self.kills);
        let right = if self.scene.retries > 0 { lost >= self.lost } else { lost == self.lost };
        assert!(right, "the pool says that {lost} were lost, and not {}", self.lost);
        self.pool.shutdown();
        assert_eq!(self.pool.stats().outstanding, 0);
    }
}

/// Whether somebody asks for kills at each step, which takes minutes.
pub(crate) fn all() -> bool {
    std::env::var(CHOICE).is_ok_and(|choice| choice == "all")
}

/// The numbers below `count` in an order in which any part of them is spread evenly; another one
/// each time, so that sooner or later each has been in the first part.
fn scattered(count: usize) -> impl Iterator<Item = usize> {
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_nanos() as usize;
    // The golden ratio; and one that has no divisor in common with the number meets all.
    let mut stride = count * 618 / 1_000;
    while greatest_divisor(stride, count) > 1 {
        stride += 1;
    }
    (0..count).map(move |n| (now % count + n * stride) % count)
}

fn greatest_divisor(a: usize, b: usize) -> usize {
    if b == 0 { a } else { greatest_divisor(b, a % b) }
}

/// Figures of the pool's own thread.
fn foreman() -> Option<String> {
    fs::read_dir("/proc/self/task").unwrap().flatten().find_map(|task| {
        let path = task.path();
        let name = fs::read_to_string(path.join("comm")).unwrap_or_default();
        (name.trim() == FOREMAN).then(|| path.join("stat").to_str().unwrap().to_owned())
    })
}

fn belongings() -> [usize; 3] {
    let children = fs::read_dir("/proc/self/task").unwrap().flatten().map(|task| {
        let children = fs::read_to_string(task.path().join("children")).unwrap_or_default();
        children.split_whitespace().count()
    });
    let descriptors = fs::read_dir("/proc/self/fd").unwrap().count();
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let segments = maps.lines().filter(|line| line.contains("memfd:")).count();
    [children.sum(), descriptors, segments]
}

/// Says where a judgement failed.
struct Named<'a>(&'a str);

impl Drop for Named<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            println!("FAILED: {}", self.0);
        }
    }
}
