//! One thread walks, several work, one collects, and none of them runs far ahead of the others.
//!
//! Batches carry the number of their turn. Their number at any time is limited: a new one begins when an
//! old one has been collected, which bounds memory whatever the speeds are.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex};

use anyhow::{Context, Result};

use crate::git::objects::reader::{ObjectReader, SharedRepository};

/// How many pieces of work make one batch: neighbours share their trees, so they stay with one thread.
const MAX_BATCH_ITEMS: usize = 512;

/// A list with fewer pieces of work than this never leaves the calling thread. One that is longer, and
/// shorter than a batch, is divided evenly.
const MIN_THREADED_ITEMS: usize = 256;

/// How many batches are in progress for each thread.
const BATCHES_PER_THREAD: usize = 4;

/// What the threads of a pipeline need.
pub(crate) struct PipelineJob {
    pub(crate) shared: Arc<SharedRepository>,
    /// How many threads may work; with one, everything happens on the calling thread.
    pub(crate) thread_count: fn() -> usize,
    /// Bytes of delta bases that each working thread keeps.
    pub(crate) pack_cache_bytes: usize,
}

/// Calls `work` for all that `next` yields, and `collect` with the results, in the same order; on the
/// calling thread, with `reader`, if there is little to do.
pub(crate) fn run_pipeline<I: Send, T: Send>(
    job: &PipelineJob,
    reader: &mut ObjectReader,
    mut next: impl FnMut() -> Option<Result<I>> + Send,
    work: impl Fn(&mut ObjectReader, I) -> T + Sync,
    collect: &mut impl FnMut(T) -> Result<()>,
) -> Result<()> {
    let first = read_batch(&mut next, MAX_BATCH_ITEMS);
    let threads = if first.len() < MIN_THREADED_ITEMS { 1 } else { (job.thread_count)() };
    if threads <= 1 {
        let rest = std::iter::from_fn(next);
        for item in first.into_iter().chain(rest) {
            collect(work(reader, item?))?;
        }
        return Ok(());
    }
    let size = if first.len() < MAX_BATCH_ITEMS { first.len().div_ceil(threads) } else { MAX_BATCH_ITEMS };
    let mut items = first.into_iter();
    let next = move || items.next().or_else(&mut next);
    // A ticket is taken for each batch that begins and returned when it has been collected, so the
    // capacity of this channel is what limits the batches in progress.
    let (ticket, tickets) = sync_channel::<()>(threads * BATCHES_PER_THREAD);
    let (to_do, queue) = channel::<(usize, Vec<Result<I>>)>();
    let (done, results) = channel::<(usize, Vec<Result<T>>)>();
    let queue = Mutex::new(queue);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            let queue = &queue;
            let work = &work;
            let done = done.clone();
            scope.spawn(move || {
                let mut reader = job.shared.create_reader(job.pack_cache_bytes);
                while let Some((turn, items)) = receive_batch(queue) {
                    let results = items.into_iter().map(|item| item.map(|item| work(&mut reader, item)));
                    if done.send((turn, results.collect())).is_err() {
                        return;
                    }
                }
            });
        }
        drop(done);
        scope.spawn(move || send_batches(next, size, &ticket, &to_do));
        collect_in_order(results, tickets, collect)
    })
}

/// Reads one batch; an error is its last item.
fn read_batch<I>(next: &mut impl FnMut() -> Option<Result<I>>, size: usize) -> Vec<Result<I>> {
    let mut items = Vec::with_capacity(size);
    while items.len() < size {
        let Some(item) = next() else { break };
        let failed = item.is_err();
        items.push(item);
        if failed {
            break;
        }
    }
    items
}

fn send_batches<I>(
    mut next: impl FnMut() -> Option<Result<I>>,
    size: usize,
    ticket: &SyncSender<()>,
    to_do: &Sender<(usize, Vec<Result<I>>)>,
) {
    for turn in 0.. {
        let items = read_batch(&mut next, size);
        let is_last = items.len() < size;
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

/// Collects until all is done or something fails. It owns the receiving ends: when they are dropped, the
/// sending threads fail and stop.
fn collect_in_order<T>(
    results: Receiver<(usize, Vec<Result<T>>)>,
    tickets: Receiver<()>,
    collect: &mut impl FnMut(T) -> Result<()>,
) -> Result<()> {
    let mut early = BTreeMap::new();
    let mut turn = 0;
    for (finished, batch) in results {
        early.insert(finished, batch);
        while let Some(batch) = early.remove(&turn) {
            for result in batch {
                collect(result?)?;
            }
            turn += 1;
            tickets.recv().context("the thread that walks the history has stopped")?;
        }
    }
    if early.is_empty() { Ok(()) } else { Err(anyhow::anyhow!("a thread that reads commits has stopped")) }
}
