//! The encodings in which a commit can be written, other than UTF-8.
//!
//! Git stores the bytes, names the encoding in a header of the commit, and converts for showing. A reader of
//! the bytes and a reader of the text see the same lines only in an encoding that keeps ASCII: in UTF-16 or
//! EBCDIC a message can hold one set of trailers for each. Such encodings, and those that are not known, are
//! refused.

use std::borrow::Cow;

use encoding_rs::Encoding;

use crate::change::message::code_pages::{CodePage, find_code_page};

/// The encodings that keep ASCII, by the names that iconv has for them, without case, `-` and `_`, and the
/// labels that the library has.
const ASCII_KEEPING: [(&[&str], &str); 27] = [
    (&["latin2", "l2", "iso88592"], "iso-8859-2"),
    (&["latin3", "l3", "iso88593"], "iso-8859-3"),
    (&["latin4", "l4", "iso88594"], "iso-8859-4"),
    (&["iso88595", "cyrillic"], "iso-8859-5"),
    (&["iso88596", "arabic"], "iso-8859-6"),
    (&["iso88597", "greek"], "iso-8859-7"),
    (&["iso88598", "hebrew"], "iso-8859-8"),
    (&["latin6", "l6", "iso885910"], "iso-8859-10"),
    (&["latin7", "l7", "iso885913"], "iso-8859-13"),
    (&["latin8", "l8", "iso885914"], "iso-8859-14"),
    (&["latin9", "iso885915"], "iso-8859-15"),
    (&["latin10", "l10", "iso885916"], "iso-8859-16"),
    (&["windows1250", "cp1250"], "windows-1250"),
    (&["windows1251", "cp1251"], "windows-1251"),
    (&["windows1252", "cp1252"], "windows-1252"),
    (&["windows1253", "cp1253"], "windows-1253"),
    (&["windows1254", "cp1254"], "windows-1254"),
    (&["windows1255", "cp1255"], "windows-1255"),
    (&["windows1256", "cp1256"], "windows-1256"),
    (&["windows1257", "cp1257"], "windows-1257"),
    (&["windows1258", "cp1258"], "windows-1258"),
    (&["koi8r", "koi8u"], "koi8-u"),
    (&["eucjp", "ujis"], "euc-jp"),
    (&["shiftjis", "sjis", "mskanji", "cp932", "windows31j"], "shift_jis"),
    (&["euckr", "cp949", "uhc"], "euc-kr"),
    (&["gbk", "cp936", "euccn", "gb2312", "gb18030"], "gb18030"),
    (&["big5", "cp950", "euctw", "big5hkscs"], "big5"),
];

/// How the bytes of a commit are read.
#[derive(Clone, Copy, Debug)]
pub struct MessageEncoding(EncodingKind);

#[derive(Clone, Copy, Debug)]
enum EncodingKind {
    Utf8,
    Latin1,
    Table(&'static Encoding),
    CodePage(&'static CodePage),
}

impl Default for MessageEncoding {
    /// Returns UTF-8, which git takes where no header names another.
    fn default() -> Self {
        MessageEncoding(EncodingKind::Utf8)
    }
}

impl MessageEncoding {
    /// Finds the encoding that a header of a commit or `i18n.commitEncoding` names; `None` if it does not
    /// keep ASCII, or is not known.
    pub fn find_by_name(name: &[u8]) -> Option<MessageEncoding> {
        let name = std::str::from_utf8(name).ok()?;
        let mut key = name.to_ascii_lowercase();
        key.retain(|letter| letter.is_ascii_alphanumeric());
        let kind = match key.as_str() {
            "utf8" | "usascii" | "ascii" | "ansix341968" => EncodingKind::Utf8,
            "latin1" | "l1" | "iso88591" => EncodingKind::Latin1,
            _ => match ASCII_KEEPING.iter().find(|known| known.0.contains(&key.as_str())) {
                Some((_, label)) => EncodingKind::Table(Encoding::for_label(label.as_bytes())?),
                None => EncodingKind::CodePage(find_code_page(&key)?),
            },
        };
        Some(MessageEncoding(kind))
    }

    /// Returns true for UTF-8, which git stores without naming it.
    pub fn is_utf8(self) -> bool {
        matches!(self.0, EncodingKind::Utf8)
    }

    /// Returns `bytes` as UTF-8, as git shows them: unchanged where they are not of this encoding.
    pub fn decode_text(self, bytes: &[u8]) -> Cow<'_, [u8]> {
        if bytes.is_ascii() {
            return Cow::Borrowed(bytes);
        }
        match self.0 {
            EncodingKind::Utf8 => Cow::Borrowed(bytes),
            EncodingKind::CodePage(page) => match page.decode_text(bytes) {
                Some(text) => Cow::Owned(text.into_bytes()),
                None => Cow::Borrowed(bytes),
            },
            EncodingKind::Latin1 => {
                Cow::Owned(bytes.iter().copied().map(char::from).collect::<String>().into_bytes())
            }
            EncodingKind::Table(table) => {
                match table.decode_without_bom_handling_and_without_replacement(bytes) {
                    Some(text) => Cow::Owned(text.into_owned().into_bytes()),
                    None => Cow::Borrowed(bytes),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_keeps_ascii_is_decoded_and_nothing_else_is_known() {
        for (name, bytes, text) in [
            ("UTF-8", &b"J\xc3\xb6rg"[..], "J\u{f6}rg"),
            ("ISO-8859-1", b"J\xf6rg \x85", "J\u{f6}rg \u{85}"),
            ("iso8859-15", b"\xa4", "\u{20ac}"),
            ("CP1252", b"\x80", "\u{20ac}"),
            ("windows-1251", b"\xcf", "\u{41f}"),
            ("EUC-JP", b"\xa4\xa2", "\u{3042}"),
            ("Shift_JIS", b"\x83\x5c", "\u{30bd}"),
            ("CP437", b"J\x94rg", "J\u{f6}rg"),
            ("IBM850", b"J\x94rg", "J\u{f6}rg"),
            ("MACINTOSH", b"J\x9arg", "J\u{f6}rg"),
            ("TIS-620", b"\xa1", "\u{e01}"),
            ("HP-ROMAN8", b"J\xcerg", "J\u{f6}rg"),
            ("GEORGIAN-PS", b"\xc0", "\u{10d0}"),
            ("VISCII", b"\xd5", "\u{1ea1}"),
            ("BIG5-HKSCS", b"\xa4\xa4", "\u{4e2d}"),
        ] {
            let encoding = MessageEncoding::find_by_name(name.as_bytes()).unwrap();
            assert_eq!(encoding.decode_text(bytes), text.as_bytes(), "{name}");
        }
        for name in [
            "UTF-16",
            "UTF-16LE",
            "UTF-16BE",
            "UTF-32",
            "UCS-2",
            "UTF-7",
            "IBM037",
            "EBCDIC-US",
            "ISO-2022-JP",
            "ISO-2022-KR",
            "HZ-GB-2312",
            "x-user-defined",
            "replacement",
            "",
            "nonsense",
            "UTF-8//IGNORE\0",
        ] {
            assert!(MessageEncoding::find_by_name(name.as_bytes()).is_none(), "{name}");
        }
    }

    #[test]
    fn every_encoding_of_the_list_keeps_the_lines_and_keys_of_a_message() {
        let ascii: Vec<u8> = (0..=127).collect();
        for (names, label) in ASCII_KEEPING {
            let table = Encoding::for_label(label.as_bytes()).unwrap();
            assert_eq!(table.decode_without_bom_handling(&ascii).0.as_bytes(), ascii, "{label}");
            for name in names {
                assert!(MessageEncoding::find_by_name(name.as_bytes()).is_some(), "{name}");
            }
            // No character of several bytes takes a line end or a colon in.
            for first in 0x80..=0xff_u8 {
                for second in [b'\n', b':', b' ', b'-'] {
                    let pair = [first, second];
                    let decoded = table.decode_without_bom_handling(&pair).0;
                    assert!(decoded.ends_with(char::from(second)), "{label} {first:x}");
                }
            }
        }
    }

    #[test]
    fn bytes_of_another_encoding_stay_as_they_are() {
        let encoding = MessageEncoding::find_by_name(b"EUC-JP").unwrap();
        assert_eq!(encoding.decode_text(b"\xff\xff"), &b"\xff\xff"[..]);
    }
}
