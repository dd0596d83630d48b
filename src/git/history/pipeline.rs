//! One thread walks, several work, one collects, and none of them runs far ahead of the others.
//!
//! Batches carry the number of their turn. Their number at any time is limited: a new one begins when an
//! old one has been collected, which bounds memory whatever the speeds are.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result};

use crate::git::objects::reader::{ObjectReader, SharedRepository};

/// How much work makes one batch: neighbours share their trees, so they stay with one thread.
const MAX_BATCH_WORK: usize = 512;

/// A list with less work than this never leaves the calling thread. One that has more, and less than a
/// batch, is divided evenly.
const MIN_THREADED_WORK: usize = 256;

/// How many batches are in progress for each thread.
const BATCHES_PER_THREAD: usize = 4;

/// A thread hands over its results when they take about this many bytes, before its batch is done.
const MAX_PART_BYTES: usize = 1 << 20;

/// About how many bytes of results may wait for those that come before them.
const MAX_WAITING_BYTES: usize = 16 << 20;

/// What the threads of a pipeline need.
pub(crate) struct PipelineJob {
    pub(crate) shared: Arc<SharedRepository>,
    /// How many threads may work; with one, everything happens on the calling thread.
    pub(crate) thread_count: fn() -> usize,
    /// Bytes of delta bases that each working thread keeps.
    pub(crate) pack_cache_bytes: usize,
}

/// A result, and about how many bytes of memory it takes.
pub(crate) struct WeighedResult<T> {
    pub(crate) value: T,
    pub(crate) bytes: usize,
}

/// A piece of work, and how much work it is: 1 for a commit without a file to look at.
pub(crate) struct WeighedItem<I> {
    pub(crate) value: I,
    pub(crate) work: usize,
}

/// Calls `work` for all that `next` yields, and `collect` with the results, in the same order; on the
/// calling thread, with `reader`, if there is little to do.
pub(crate) fn run_pipeline<I: Send, T: Send>(
    job: &PipelineJob,
    reader: &mut ObjectReader,
    mut next: impl FnMut() -> Option<Result<WeighedItem<I>>> + Send,
    work: impl Fn(&mut ObjectReader, I) -> WeighedResult<T> + Sync,
    collect: &mut impl FnMut(T) -> Result<()>,
) -> Result<()> {
    let (first, amount) = read_batch(&mut next, MAX_BATCH_WORK);
    let threads = if amount < MIN_THREADED_WORK { 1 } else { (job.thread_count)() };
    if threads <= 1 {
        let rest = std::iter::from_fn(next);
        for item in first.into_iter().chain(rest) {
            collect(work(reader, item?.value).value)?;
        }
        return Ok(());
    }
    let size = if amount < MAX_BATCH_WORK { amount.div_ceil(threads) } else { MAX_BATCH_WORK };
    let mut items = first.into_iter();
    let next = move || items.next().or_else(&mut next);
    // A ticket is taken for each batch that begins and returned when it has been collected, so the
    // capacity of this channel is what limits the batches in progress.
    let (ticket, tickets) = sync_channel::<()>(threads * BATCHES_PER_THREAD);
    let (to_do, queue) = channel::<(usize, Vec<Result<WeighedItem<I>>>)>();
    let (done, results) = channel::<BatchPart<T>>();
    let queue = Mutex::new(queue);
    let waiting = WaitingResults::default();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            let (queue, waiting, work) = (&queue, &waiting, &work);
            let done = done.clone();
            scope.spawn(move || {
                let mut reader = job.shared.create_reader(job.pack_cache_bytes);
                while let Some((turn, items)) = receive_batch(queue) {
                    let results =
                        items.into_iter().map(|item| item.map(|item| work(&mut reader, item.value)));
                    if !send_results(turn, results, waiting, &done) {
                        return;
                    }
                }
            });
        }
        drop(done);
        scope.spawn(move || send_batches(next, size, &ticket, &to_do));
        let collected = collect_in_order(results, tickets, &waiting, collect);
        waiting.close();
        collected
    })
}

/// Reads one batch, and returns how much work it is as well. An error is its last item.
fn read_batch<I>(
    next: &mut impl FnMut() -> Option<Result<WeighedItem<I>>>,
    size: usize,
) -> (Vec<Result<WeighedItem<I>>>, usize) {
    let mut items = Vec::new();
    let mut amount = 0;
    while amount < size {
        let Some(item) = next() else { break };
        match &item {
            Ok(item) => amount += item.work.max(1),
            Err(_) => {
                items.push(item);
                break;
            }
        }
        items.push(item);
    }
    (items, amount)
}

fn send_batches<I>(
    mut next: impl FnMut() -> Option<Result<WeighedItem<I>>>,
    size: usize,
    ticket: &SyncSender<()>,
    to_do: &Sender<(usize, Vec<Result<WeighedItem<I>>>)>,
) {
    for turn in 0.. {
        let (items, amount) = read_batch(&mut next, size);
        let is_last = amount < size;
        // A failure means that the collecting thread has stopped.
        if items.is_empty() || ticket.send(()).is_err() || to_do.send((turn, items)).is_err() || is_last {
            return;
        }
    }
}

fn receive_batch<T>(queue: &Mutex<Receiver<T>>) -> Option<T> {
    // A poisoned lock means that another thread has panicked, and the results are incomplete anyway.
    queue.lock().ok()?.recv().ok()
}

/// Results of one batch, in order; a batch with large results has several parts.
struct BatchPart<T> {
    turn: usize,
    results: Vec<Result<T>>,
    bytes: usize,
    is_last: bool,
}

/// Sends the results of a batch, and returns false if nothing collects them any more.
fn send_results<T>(
    turn: usize,
    all: impl Iterator<Item = Result<WeighedResult<T>>>,
    waiting: &WaitingResults,
    done: &Sender<BatchPart<T>>,
) -> bool {
    let mut results = Vec::new();
    let mut bytes = 0;
    for result in all {
        match result {
            Ok(result) => {
                bytes += result.bytes;
                results.push(Ok(result.value));
            }
            Err(error) => results.push(Err(error)),
        }
        if bytes >= MAX_PART_BYTES {
            waiting.add_bytes(turn, bytes);
            let part = BatchPart { turn, results: std::mem::take(&mut results), bytes, is_last: false };
            if done.send(part).is_err() {
                return false;
            }
            bytes = 0;
        }
    }
    waiting.add_bytes(turn, bytes);
    done.send(BatchPart { turn, results, bytes, is_last: true }).is_ok()
}

/// How many bytes of results have been sent and not collected, for each batch. A thread waits until there is
/// room. For the batch that is collected next only its own results count, so that it always goes on.
#[derive(Default)]
struct WaitingResults {
    state: Mutex<WaitingState>,
    changed: Condvar,
}

#[derive(Default)]
struct WaitingState {
    bytes_by_turn: BTreeMap<usize, usize>,
    /// The batch that is collected next.
    turn: usize,
    is_closed: bool,
}

impl WaitingState {
    fn has_room_for(&self, turn: usize) -> bool {
        let waiting: usize = match turn == self.turn {
            true => self.bytes_by_turn.get(&turn).copied().unwrap_or_default(),
            false => self.bytes_by_turn.values().sum(),
        };
        waiting < MAX_WAITING_BYTES || self.is_closed
    }
}

impl WaitingResults {
    fn lock_state(&self) -> MutexGuard<'_, WaitingState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts results of the batch `turn`, once there is room for them.
    fn add_bytes(&self, turn: usize, bytes: usize) {
        let mut state = self.lock_state();
        while bytes > 0 && !state.has_room_for(turn) {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        *state.bytes_by_turn.entry(turn).or_default() += bytes;
    }

    /// Counts results of the batch `turn` as collected.
    fn remove_bytes(&self, turn: usize, bytes: usize) {
        if let Some(waiting) = self.lock_state().bytes_by_turn.get_mut(&turn) {
            *waiting = waiting.saturating_sub(bytes);
        }
        self.changed.notify_all();
    }

    /// Notes that the batch `turn` is collected next.
    fn begin_turn(&self, turn: usize) {
        let mut state = self.lock_state();
        state.bytes_by_turn = state.bytes_by_turn.split_off(&turn);
        state.turn = turn;
        self.changed.notify_all();
    }

    /// Lets all threads go on, because nothing is collected any more.
    fn close(&self) {
        self.lock_state().is_closed = true;
        self.changed.notify_all();
    }
}

/// Collects until all is done or something fails. It owns the receiving ends: when they are dropped, the
/// sending threads fail and stop.
fn collect_in_order<T>(
    results: Receiver<BatchPart<T>>,
    tickets: Receiver<()>,
    waiting: &WaitingResults,
    collect: &mut impl FnMut(T) -> Result<()>,
) -> Result<()> {
    let mut early: BTreeMap<usize, Vec<BatchPart<T>>> = BTreeMap::new();
    let mut turn = 0;
    for part in results {
        early.entry(part.turn).or_default().push(part);
        while let Some(parts) = early.remove(&turn) {
            let mut is_done = false;
            for part in parts {
                for result in part.results {
                    collect(result?)?;
                }
                is_done |= part.is_last;
                waiting.remove_bytes(turn, part.bytes);
            }
            if !is_done {
                break;
            }
            turn += 1;
            waiting.begin_turn(turn);
            tickets.recv().context("the thread that walks the history has stopped")?;
        }
    }
    if early.is_empty() { Ok(()) } else { Err(anyhow::anyhow!("a thread that reads commits has stopped")) }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use crate::git::repository::Repository;

    use super::*;

    /// A result that counts itself as long as it lives.
    struct CountedResult<'count>(usize, &'count AtomicUsize);

    impl Drop for CountedResult<'_> {
        fn drop(&mut self) {
            self.1.fetch_sub(1, Ordering::SeqCst);
        }
    }

    fn empty_repository(folder: &std::path::Path) -> Repository {
        std::fs::create_dir_all(folder.join("objects")).unwrap();
        std::fs::create_dir_all(folder.join("refs")).unwrap();
        std::fs::write(folder.join("HEAD"), "ref: refs/heads/main\n").unwrap();
        Repository::open_at(folder, None).unwrap()
    }

    /// Runs so many items of `work` each, whose results take `bytes`, and returns how many results were
    /// in memory at once.
    fn run_counted(items: usize, work: usize, bytes: usize, stop_at: usize) -> (usize, Result<()>) {
        let folder = tempfile::tempdir().unwrap();
        let repository = empty_repository(folder.path());
        let (alive, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let mut numbers = 0..items;
        let mut expected = 0;
        let job = PipelineJob { shared: repository.shared.clone(), thread_count: || 3, pack_cache_bytes: 0 };
        let done = run_pipeline(
            &job,
            &mut repository.shared.create_reader(0),
            || numbers.next().map(|value| Ok(WeighedItem { value, work })),
            |_, number| {
                most.fetch_max(alive.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                // The first one of a few takes longest, so that the others get ahead of it.
                if number % 1024 == 0 {
                    std::thread::sleep(Duration::from_millis(20));
                }
                WeighedResult { value: CountedResult(number, &alive), bytes }
            },
            &mut |result: CountedResult<'_>| {
                assert_eq!(result.0, expected, "results come in order");
                expected += 1;
                if expected == stop_at { Err(anyhow::anyhow!("that is enough")) } else { Ok(()) }
            },
        );
        assert!(done.is_err() || expected == items);
        (most.load(Ordering::SeqCst), done)
    }

    #[test]
    fn large_results_do_not_pile_up() {
        let (most, done) = run_counted(4000, 1, 2 << 20, 0);
        done.unwrap();
        // What may wait, of all batches and of the next one, and what each thread is about to hand over.
        let limit = 2 * MAX_WAITING_BYTES / (2 << 20) + 3 * 3;
        assert!(most <= limit, "{most} results of 2 MiB at once, and {limit} are allowed");
    }

    #[test]
    fn an_error_ends_threads_that_wait_for_room() {
        for stop_at in [1, 700, 1500] {
            assert!(run_counted(4000, 1, 4 << 20, stop_at).1.is_err());
        }
    }

    #[test]
    fn a_few_pieces_with_much_work_are_divided() {
        for (items, work, bytes) in [(9, 64, 10), (41, 64, 0), (255, 1, 10), (256, 1, 10), (5000, 7, 1 << 16)]
        {
            run_counted(items, work, bytes, 0).1.unwrap();
        }
    }
}
