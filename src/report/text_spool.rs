//! A list of texts that is written down instead of held, and read back in its order.

use std::fmt;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};

/// What holds a spool: a file, or bytes in memory.
pub trait SpoolStorage: Read + Write + Seek {}

impl<T: Read + Write + Seek> SpoolStorage for T {}

/// A list of texts in a storage of its own, each after its length.
pub(crate) struct TextSpool {
    storage: Box<dyn SpoolStorage>,
    texts: usize,
}

/// The iterator that [`TextSpool::read_texts`] returns.
pub(crate) struct SpooledTexts<'spool> {
    reader: BufReader<&'spool mut dyn SpoolStorage>,
    left: usize,
}

impl fmt::Debug for TextSpool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TextSpool").field("texts", &self.texts).finish_non_exhaustive()
    }
}

impl TextSpool {
    /// Returns an empty spool; what the storage holds already is overwritten.
    pub(crate) fn new(storage: Box<dyn SpoolStorage>) -> TextSpool {
        TextSpool { storage, texts: 0 }
    }

    /// Returns the number of texts.
    pub(crate) fn len(&self) -> usize {
        self.texts
    }

    /// Adds a text at the end; not after the texts have been read.
    ///
    /// # Errors
    ///
    /// Fails if the storage does, as when a disk is full.
    pub(crate) fn push_text(&mut self, text: &str) -> io::Result<()> {
        let length = u64::try_from(text.len()).unwrap_or(u64::MAX);
        let mut entry = Vec::with_capacity(8 + text.len());
        entry.extend(length.to_le_bytes());
        entry.extend(text.as_bytes());
        self.storage.write_all(&entry)?;
        self.texts += 1;
        Ok(())
    }

    /// Returns the texts, oldest first; it can be called again.
    ///
    /// # Errors
    ///
    /// Fails if the storage does; so does each text.
    pub(crate) fn read_texts(&mut self) -> io::Result<SpooledTexts<'_>> {
        self.storage.seek(SeekFrom::Start(0))?;
        Ok(SpooledTexts { reader: BufReader::new(&mut *self.storage), left: self.texts })
    }
}

impl SpooledTexts<'_> {
    fn read_text(&mut self) -> io::Result<String> {
        let mut length = [0; 8];
        self.reader.read_exact(&mut length)?;
        let length = u64::from_le_bytes(length);
        let mut text = String::new();
        let read = (&mut self.reader).take(length).read_to_string(&mut text)?;
        if u64::try_from(read).is_ok_and(|read| read == length) {
            Ok(text)
        } else {
            Err(io::ErrorKind::UnexpectedEof.into())
        }
    }
}

impl Iterator for SpooledTexts<'_> {
    type Item = io::Result<String>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        Some(self.read_text())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_spooled_reads_back_as_often_as_asked(texts in proptest::collection::vec(".{0,40}", 0..20)) {
            let mut spool = TextSpool::new(Box::new(Cursor::new(Vec::new())));
            for text in &texts {
                spool.push_text(text).unwrap();
            }
            for _ in 0..2 {
                let read: io::Result<Vec<String>> = spool.read_texts().unwrap().collect();
                prop_assert_eq!(&read.unwrap(), &texts);
            }
        }
    }

    #[test]
    fn a_storage_that_lost_its_end_is_an_error() {
        let mut whole = TextSpool::new(Box::new(Cursor::new(Vec::new())));
        whole.push_text("a text").unwrap();
        let mut cut =
            TextSpool { storage: Box::new(Cursor::new(vec![6, 0, 0, 0, 0, 0, 0, 0, b'a'])), texts: 1 };
        assert!(cut.read_texts().unwrap().next().unwrap().is_err());
        assert_eq!(cut.len(), whole.len());
    }
}
