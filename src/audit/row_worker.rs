//! A thread that takes rows and writes them, so that writing goes on while the next changes are read and judged.
//!
//! Rows are written in the order in which they are queued, so the files are the same as without the thread. What goes
//! wrong on the thread is the error of the next call.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use anyhow::{Result, anyhow, bail};

/// How many rows are handed over at once: a thread that is woken for each row spends more on waking than on writing.
const ROWS_AT_ONCE: usize = 64;

/// How many times so many rows wait at most: whoever queues more waits for the disk.
const MAX_WAITING_BATCHES: usize = 8;

/// Rows of the type `R` on their way to a thread.
pub(crate) struct RowWorker<R> {
    /// `None` stands for the end of the rows.
    sender: Option<SyncSender<Option<Vec<R>>>>,
    /// The rows that are handed over next.
    batch: Vec<R>,
    thread: Option<JoinHandle<Result<()>>>,
}

impl<R: Send + 'static> RowWorker<R> {
    /// Starts a thread that owns `writer`. It calls `write` for each row, and `finish` at the end of them; without an
    /// end, what was written is thrown away.
    pub(crate) fn start<W: Send + 'static>(
        writer: W,
        write: fn(&mut W, R) -> Result<()>,
        finish: fn(W) -> Result<()>,
    ) -> RowWorker<R> {
        let (sender, receiver) = sync_channel(MAX_WAITING_BATCHES);
        let thread = std::thread::spawn(move || write_rows(writer, &receiver, write, finish));
        RowWorker { sender: Some(sender), batch: Vec::new(), thread: Some(thread) }
    }

    /// Hands a row on.
    ///
    /// # Errors
    ///
    /// Fails if the thread could not write an earlier one.
    pub(crate) fn queue_row(&mut self, row: R) -> Result<()> {
        self.batch.push(row);
        if self.batch.len() < ROWS_AT_ONCE {
            return Ok(());
        }
        let batch = std::mem::take(&mut self.batch);
        self.send(Some(batch))
    }

    /// Says that no row follows. The thread writes what is left while others go on.
    ///
    /// # Errors
    ///
    /// Fails if the thread could not write an earlier row.
    pub(crate) fn end_rows(&mut self) -> Result<()> {
        let batch = std::mem::take(&mut self.batch);
        self.send(Some(batch))?;
        self.send(None)
    }

    fn send(&mut self, row: Option<Vec<R>>) -> Result<()> {
        let is_sent = self.sender.as_ref().is_some_and(|sender| sender.send(row).is_ok());
        if is_sent {
            return Ok(());
        }
        self.join_thread()?;
        bail!("a thread that writes tables ended too early")
    }

    /// Waits until everything is written.
    ///
    /// # Errors
    ///
    /// Fails if it could not be written.
    pub(crate) fn wait_for_files(mut self) -> Result<()> {
        self.join_thread()
    }
}

impl<R> RowWorker<R> {
    fn join_thread(&mut self) -> Result<()> {
        self.sender = None;
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(written)) => written,
            Some(Err(_)) => Err(anyhow!("a thread that writes tables ended too early")),
            None => Ok(()),
        }
    }
}

/// Waits for the thread, which removes its unfinished files: they would be left behind if the program ended before.
impl<R> Drop for RowWorker<R> {
    fn drop(&mut self) {
        // Whoever gives up has an error of their own to tell.
        let _ = self.join_thread();
    }
}

fn write_rows<W, R>(
    mut writer: W,
    rows: &Receiver<Option<Vec<R>>>,
    write: fn(&mut W, R) -> Result<()>,
    finish: fn(W) -> Result<()>,
) -> Result<()> {
    while let Ok(row) = rows.recv() {
        match row {
            Some(rows) => {
                for row in rows {
                    write(&mut writer, row)?;
                }
            }
            None => return finish(writer),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    type Log = Arc<Mutex<Vec<usize>>>;

    fn write(log: &mut Log, row: usize) -> Result<()> {
        anyhow::ensure!(row != 13, "thirteen cannot be written");
        log.lock().unwrap().push(row);
        Ok(())
    }

    fn finish(log: Log) -> Result<()> {
        log.lock().unwrap().push(usize::MAX);
        Ok(())
    }

    #[test]
    fn rows_are_written_in_order_and_the_end_is_written_once() {
        let log = Log::default();
        let mut worker = RowWorker::start(Arc::clone(&log), write, finish);
        for row in 100..2_000 {
            worker.queue_row(row).unwrap();
        }
        worker.end_rows().unwrap();
        worker.wait_for_files().unwrap();
        let written = log.lock().unwrap();
        assert_eq!(written.len(), 1_901);
        assert!(written.is_sorted());
        assert_eq!(written.last(), Some(&usize::MAX));
    }

    #[test]
    fn an_error_is_that_of_a_later_call_and_nothing_is_finished() {
        let log = Log::default();
        let mut worker = RowWorker::start(Arc::clone(&log), write, finish);
        let failed = (13..100_000).find_map(|row| worker.queue_row(row).err());
        assert_eq!(failed.unwrap().to_string(), "thirteen cannot be written");
        drop(worker);
        let mut given_up = RowWorker::start(Arc::clone(&log), write, finish);
        for row in 0..10 {
            given_up.queue_row(row).unwrap();
        }
        drop(given_up);
        assert!(!log.lock().unwrap().contains(&usize::MAX));
    }
}
