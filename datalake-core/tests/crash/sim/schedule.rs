//! Who goes when, and who dies when.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use chrono::TimeDelta;
use datalake_core::pipeline::{Budget, Ended};
use datalake_core::store::{ObjectStore, PutOptions};
use datalake_core::testkit::{Rng, VirtualClock};
use futures::FutureExt;
use futures::task::AtomicWaker;
use tokio::time::sleep;

use super::check::check;
use super::world::{World, clock};
use super::{Bug, Scenario};

/// Turns that a clean run may take before it counts as hanging.
const PATIENCE: usize = 50_000;

/// What came of a world.
#[derive(Debug)]
pub(crate) struct Ran {
    /// What must not have happened.
    pub(crate) wrong: Option<String>,
    /// Whether the first worker lived to its end.
    pub(crate) lived: bool,
    /// Everything that happened.
    pub(crate) trace: Vec<String>,
    pub(crate) crashes: usize,
}

/// Makes a world, lets it go wrong, lets it go right, and looks at what is left.
pub(crate) fn run(scenario: Scenario) -> Ran {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let world = World::new(scenario);
        let mut rng = Rng::new(world.scenario.seed);
        let mut workers = Workers::new(&world, &mut rng);
        let patience = Duration::from_secs(24 * 3600);
        if tokio::time::timeout(patience, workers.poll_all(world.scenario.turns)).await.is_err() {
            world.wrong("the workers stand still");
        }
        let (lived, crashes) = (workers.lived, workers.crashes);
        drop(workers);
        world.store.calm();
        world.store.flush_late().await;
        world.state().calm = true;
        if let Err(error) = finish(&world, &mut rng).await {
            world.wrong(error);
        }
        check(&world).await;
        let log = world.store.log().into_iter().map(|event| event.to_string());
        let trace = world.trace().into_iter().chain(log).collect();
        Ran { wrong: world.is_wrong(), lived, trace, crashes }
    })
}

/// A worker that nothing happens to takes what is left.
async fn finish(world: &Arc<World>, rng: &mut Rng) -> Result<(), String> {
    let mut pipeline = world.pipeline(rng, clock()).map_err(|error| error.to_string())?;
    let clean = async {
        let mut why = Ended::Idle;
        while why != Ended::Exhausted {
            why = pipeline
                .drain(Budget::unlimited())
                .await
                .map_err(|error| format!("the last run: {error}"))?
                .why;
            sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    };
    let mut clean = std::pin::pin!(clean);
    let mut turns = 0;
    let counted = std::future::poll_fn(|cx| {
        turns += 1;
        if turns > PATIENCE {
            Poll::Ready(Err("the last run does not end".to_owned()))
        } else {
            clean.as_mut().poll(cx)
        }
    });
    tokio::time::timeout(Duration::from_secs(3600), counted)
        .await
        .map_err(|_| "the last run hangs".to_owned())?
}

/// Two processes on one thread.
struct Workers {
    world: Arc<World>,
    rng: Rng,
    all: Vec<Worker>,
    crashes: usize,
    lived: bool,
    outer: Arc<AtomicWaker>,
}

struct Worker {
    life: Option<Pin<Box<dyn Future<Output = bool>>>>,
    clock: VirtualClock,
    woken: Arc<Woken>,
    turns: usize,
    dies: usize,
    done: bool,
}

struct Woken {
    woken: AtomicBool,
    outer: Arc<AtomicWaker>,
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.woken.store(true, Ordering::Relaxed);
        self.outer.wake();
    }
}

impl Workers {
    fn new(world: &Arc<World>, rng: &mut Rng) -> Self {
        let outer = Arc::new(AtomicWaker::new());
        let all = (0..world.scenario.workers).map(|_| Worker {
            life: None,
            clock: clock(),
            woken: Arc::new(Woken { woken: AtomicBool::new(true), outer: Arc::clone(&outer) }),
            turns: 0,
            dies: usize::MAX,
            done: false,
        });
        let all = all.collect();
        let mut workers =
            Self { world: Arc::clone(world), rng: rng.fork(), all, crashes: 0, lived: false, outer };
        (0..workers.all.len()).for_each(|n| workers.begin(n));
        if let Some(turn) = world.scenario.crash_at {
            workers.all[0].dies = turn;
        }
        workers
    }

    /// Begins a new process.
    fn begin(&mut self, n: usize) {
        let scenario = &self.world.scenario;
        let may_die = self.crashes < scenario.crashes && scenario.crash_at.is_none();
        let worker = &mut self.all[n];
        worker.turns = 0;
        worker.dies = if may_die { 1 + self.rng.below(scenario.life * 2) } else { usize::MAX };
        worker.clock = clock();
        worker.woken.woken.store(true, Ordering::Relaxed);
        worker.life = Some(Box::pin(life(Arc::clone(&self.world), self.rng.fork(), worker.clock.clone())));
    }

    async fn poll_all(&mut self, turns: usize) {
        let mut left = turns;
        std::future::poll_fn(|cx| {
            self.outer.register(cx.waker());
            while left > 0 && self.all.iter().any(|worker| !worker.done) {
                let ready = self
                    .all
                    .iter()
                    .enumerate()
                    .filter(|(_, worker)| !worker.done && worker.woken.woken.load(Ordering::Relaxed));
                let ready: Vec<usize> = ready.map(|(n, _)| n).collect();
                let Some(&n) = self.rng.pick(&ready) else { return Poll::Pending };
                left -= 1;
                self.turn(n);
                if left.is_multiple_of(16) {
                    // Lets the runtime see to its timers.
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
            }
            Poll::Ready(())
        })
        .await;
    }

    /// Lets a process take a step, or ends it.
    fn turn(&mut self, n: usize) {
        let worker = &mut self.all[n];
        worker.turns += 1;
        if worker.turns > worker.dies {
            worker.life = None;
            self.crashes += 1;
            self.world.note(|| format!("worker {n} dies"));
            self.begin(n);
            return;
        }
        if self.world.scenario.clock_jumps && self.rng.chance(0.02) {
            worker.clock.jump(TimeDelta::seconds(self.rng.below(1800) as i64 - 900));
        }
        worker.woken.woken.store(false, Ordering::Relaxed);
        let waker = Waker::from(Arc::clone(&worker.woken));
        let Some(life) = &mut worker.life else { return };
        match life.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Pending => {}
            Poll::Ready(true) => {
                worker.done = true;
                worker.life = None;
                self.lived |= n == 0 && self.crashes == 0;
            }
            Poll::Ready(false) => self.begin(n),
        }
    }
}

/// What a process does: `true` once it has come to the end of the source.
async fn life(world: Arc<World>, mut rng: Rng, clock: VirtualClock) -> bool {
    let Ok(mut pipeline) = world.pipeline(&mut rng, clock) else { return false };
    loop {
        if world.scenario.bug == Bug::None && rng.chance(0.1) {
            scribble(&world, &mut rng);
        }
        let time = Duration::from_millis(rng.within(0..3000) as u64);
        let ended = match rng.below(4) {
            0 => pipeline.run_until(sleep(time)).await,
            1 => pipeline.drain(Budget::unlimited().time(time).bytes(rng.within(0..100) as u64)).await,
            _ => pipeline.drain(Budget::unlimited()).await,
        };
        match ended {
            Ok(report) if report.why == Ended::Exhausted => return true,
            Ok(_) => {}
            Err(_) if rng.chance(0.5) => return false,
            Err(_) => {}
        }
        sleep(Duration::from_millis(rng.within(1..100) as u64)).await;
    }
}

/// A hint that says anything at all.
fn scribble(world: &World, rng: &mut Rng) {
    let hint = match rng.below(3) {
        0 => format!("{{\"seq\":{}}}", rng.below(30)),
        1 => format!("{{\"seq\":{}}}", rng.bits()),
        _ => "{".to_owned(),
    };
    let put = world.store.inner().put("_ledger/p/head.json", hint.into(), PutOptions::default());
    put.now_or_never().unwrap().unwrap();
}
