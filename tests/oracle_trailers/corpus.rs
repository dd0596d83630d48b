//! The messages that git and the reader are asked about: some written by hand, one or more per
//! rule, and any number generated from a small grammar of the lines that matter.

const CUT: &str = "# ------------------------ >8 ------------------------";

/// Returns the messages written by hand.
pub(crate) fn by_hand() -> Vec<Vec<u8>> {
    let mut messages: Vec<Vec<u8>> = Vec::new();
    let mut add = |message: &str| messages.push(message.as_bytes().to_vec());

    // Whole messages: paragraphs, the title, blank lines, the ends of everything.
    for message in [
        "",
        "\n",
        "\n\n",
        " ",
        " \n",
        "s",
        "s\n",
        "s\n\n",
        "A: b",
        "A: b\n",
        "A: b\n\n",
        "\nA: b\n",
        "\n\nA: b\n",
        " \t\r\n\nA: b\n",
        "  s\n\nA: b\n",
        "s\nA: b\n",
        "s\nSigned-off-by: x\n",
        "s\n\nA: b",
        "s\n\nA: b\n\n",
        "s\n\nA: b\n\n\n \n\t\n",
        "s\n\nA: b\n \t\nC: d\n",
        "s\n\n \n\nA: b\n",
        "s\n \t\nA: b\n",
        "s\n\x0c\nA: b\n",
        "s\n\x0b\nA: b\n",
        "s\n\u{a0}\nA: b\n",
        "s\n\n\x0cA: b\n",
        "s\r\n\r\nA: b\r\nC: d\r\n",
        "s\r\n\r\nA: b\r\n\r\nC: d",
        "s\n\nA: b\r",
        "s\n\nA: b\n\rC: d\n",
        "s\n\nA: b\n\nprose\n",
        "s\n\nA: b\n\nC: d\n",
        "s\n\nbody\n\nA: b\n\n# c\n",
        "# c\n\nA: b\n",
        "# c\nA: b\n",
        "# c\n# c\n\nA: b\n",
        "s\n# c\n\nA: b\n",
        "#\n\n#\n\nA: b\n",
        "# c\n",
        "# c\n# d\n",
        "\n# c\n\nA: b\n",
        "s\n\n# c\n",
        "s\n\n# c\nA: b\n# d\n\n",
        "s\n\nA: b\n# c\n c: d\n",
        "s\n\n#A: b\n",
        "s\n\nA: b\n #c\n",
        "Conflicts:\n\ta\n",
        "Conflicts:\n\ta\n\nA: b\n",
        "Conflicts:\nx\n\n\ty\n",
        "Conflicts:\nx\n\nA: b\n\n\ty\n",
        "#\nA: b\n\n\ty\nC: d\n",
        "\tx\n\tA: b\n",
        "a\n\n\tb: c\nd: e\n",
        "s\n\nA: b\n---\n",
        "---\nA: b\n",
        "--- \n\nA: b\n",
        "---",
        "---\n",
        "s\n---",
        "s\n\nA: b\n---",
        "s\n\nA: b\n----\nC: d\n",
        "s\n\nA: b\n ---\n",
        "s\n\nA: b\n---x\n",
        "s\n\nA: b\n---\tx\nC: d\n",
        "s\n\nA: b\n---\r\nC: d\r\n",
        "s\n\nA: b\n--- a/file\n\nC: d\n",
        "s\n\nA: b\n\n---\n\nC: d\n",
        "s\n\nA: b\n--\n",
        "s\n---\n\nA: b\n",
        "---x\n---\n\nA: b\n",
        "s\n\nA: b\n---\0\nC: d",
        "s\n\nA: b\0C: d\n\nE: f\n",
        "s\n\nA\0: b\n",
        "\0s\n\nA: b\n",
        "s\n\0\nA: b\n",
        "s\n\nA: b\n\0",
        "s\n\nA: b\n\n\0\n\nC: d\n",
        "s\0\n\nA: b\n",
    ] {
        add(message);
    }

    // One line that may or may not be a trailer: alone, first, last, and beside one that git writes.
    for line in [
        "Key : v",
        "Key\t: v",
        "Key \t : v",
        "-: v",
        "--: v",
        "123: v",
        "https://x.example/",
        "fix: words",
        "Key_x: v",
        "K\u{e9}: v",
        "Key Two: v",
        "a/b: v",
        "fix(x): v",
        ": v",
        ":",
        "K:",
        "K: ",
        "K:v",
        "K::v",
        "K",
        "K\u{ff1a} v",
        "K\u{a0}: v",
        "K\x0c: v",
        "K\x0b: v",
        "K\r: v",
        "\u{feff}K: v",
        "\u{200b}K: v",
        "K\u{200b}: v",
        "\u{410}pproved-by: v",
        "K= v",
        "K; v",
        "K: \u{a0}v\u{a0}",
        "K: \x0cv\x0b",
        "K: \x1b[31mv\x07",
        "K:\t\tv\t \r",
        "Signed-off-by: x",
        "Signed-off-by:x",
        "signed-off-by: x",
        "Signed-off-by : x",
        "Signed-Off-By: x",
        "Signed-off-by:",
        "(cherry picked from commit abc)",
        "(cherry picked from commit ",
        "(cherry picked from commit",
        " (cherry picked from commit a)",
        "(Cherry picked from commit abc)",
        "Conflicts:",
        "Conflicts: ",
        "Conflicts:\r",
        "Conflicts",
        "\tConflicts:",
        "\ta",
        " a",
        "\r",
        "# c",
        "#",
        "#A: b",
        " # c",
        "; c",
        "%",
        CUT,
        "",
        " ",
        "\t",
        "\r\t ",
        "prose here",
        "-",
        "--",
        "---",
        "----",
        "--- x",
        ">8",
        "# >8",
        "Reviewed-by: A <a@b.example>",
        "Reviewed-by: A <a@b.example> # c",
        "K: v\n  more",
        "K: v   \n\tmore  ",
        "K: v\n \n more",
        "K:\n v",
        "K:\n",
        "K: v\r\n more\r",
        "K: v\n \rmore",
        "K: v\n more\n  : and\n\tmore: x",
    ] {
        for message in [
            format!("s\n\n{line}\n"),
            format!("s\n\n{line}"),
            format!("s\n\n{line}\nA: b\n"),
            format!("s\n\nA: b\n{line}\n"),
            format!("s\n\nA: b\n{line}\nC: d\n"),
            format!("s\n\nSigned-off-by: x\n{line}\n"),
            format!("s\n\n{line}\nSigned-off-by: x\n"),
            format!("s\n\nA: b\n\n{line}\n"),
            format!("s\n\n{line}\n\nA: b\n"),
            format!("{line}\n\nA: b\n"),
            format!("{line}\ns\n\nA: b\n"),
            format!("s\r\n\r\nA: b\r\n{line}\r\nC: d\r\n"),
            format!("s\n\nA: b\n{line}\n# e\n\nConflicts:\n\tf\n"),
        ] {
            add(&message);
        }
    }

    // The tolerance for prose, at its edges; continuations count with what stands above them.
    for own in ["Signed-off-by: x", "(cherry picked from commit x)", "Signed-off-by:x", "A: b"] {
        for trailers in 1..4 {
            for prose in 0..12 {
                let rest = "prose here\n".repeat(prose);
                let more = "A: b\n".repeat(trailers - 1);
                add(&format!("s\n\n{own}\n{more}{rest}"));
                add(&format!("s\n\n{rest}{more}{own}\n"));
                add(&format!("s\n\nprose\n{}{more}{own}\n", "  indented\n".repeat(prose)));
                add(&format!("s\n\n{}{more}{own}\n", " indented: x\n".repeat(prose)));
                add(&format!("s\n\n{own}\n# c\n{more}# c\n{}", "  indented\n".repeat(prose)));
            }
        }
    }

    // Scissors, and what the end of the message is made of.
    for scissors in [
        CUT.to_owned(),
        format!("{CUT} "),
        format!("{CUT}\r"),
        format!(" {CUT}"),
        format!("#{CUT}"),
        CUT.replace("# ", "#"),
        CUT.replace("# ", "; "),
        CUT.replace(">8", "8<"),
        CUT.replace("# -", "# --"),
        format!("{CUT}\n{CUT}"),
    ] {
        for (before, after) in [
            ("s\n\nA: b\n", "\nC: d\n"),
            ("s\n\nA: b\n", "\n\nC: d\n"),
            ("s\n\nA: b\n\n", "\nC: d\n"),
            ("", "\n\nA: b\n"),
            ("s\n\nA: b\n", ""),
            ("s\n\nA: b\n---\n", "\nC: d\n"),
            ("s\n\nA: b\n", "\n---\nC: d\n"),
            ("\n", "\n\nA: b\n"),
            ("s\n\nA: b\0\n", "\n\nC: d\n"),
            ("s\n\nA: b\n# c\n\nConflicts:\n\tx\n", "\nC: d\n"),
            ("A: b\n\n", "\nC: d\n"),
        ] {
            add(&format!("{before}{scissors}{after}"));
        }
    }
    for tail in [
        "# c\n",
        "#\n\n#\n",
        "\nConflicts:\n\ta\n\tb\n",
        "Conflicts:\n",
        "Conflicts:",
        "Conflicts:\n a\n",
        "Conflicts:\r\n\ta\r\n",
        "Conflicts:\n\ta\nConflicts:\n\tb\n",
        "Conflicts:\n\ta\n\n\tb\n",
        "Conflicts:\n\ta\nx\n\tb\n",
        "\n\ta\n",
        "# c\n\ta\n",
        "Conflicts:\n\ta\n# c\n\tb\n",
        "Conflicts:\n\ta\n  \n\tb\n",
        "  \n# c\n",
        "\r\n# c\n",
        "# c",
        "\n\n\n \n",
        "Conflicts:\n\ta",
    ] {
        for head in ["s\n\nA: b\n", "s\n\nA: b\n\n", "A: b\n", "", "Conflicts:\nx\n\nA: b\n", "s\n\nprose\n"]
        {
            add(&format!("{head}{tail}"));
        }
    }

    // Bytes that are no text.
    for bytes in [&b"\xff\xfe"[..], b"\x80", b"\xc3", b"\xed\xa0\x80", b"\x01\x02\x7f", b"\xc2\x85"] {
        for (before, after) in [
            ("s\n\nA: ", "\n"),
            ("s\n\nA", ": b\n"),
            ("s\n", "\nA: b\n"),
            ("", "\n\nA: b\n"),
            ("s\n\n", "A: b\n"),
        ] {
            messages.push([before.as_bytes(), bytes, after.as_bytes()].concat());
        }
    }

    // Lengths that would show anything worse than linear time.
    let long = "A".repeat(1 << 20);
    let mut add = |message: String| messages.push(message.into_bytes());
    add(format!("s\n\n{long}"));
    add(format!("s\n\n{long}: v\n"));
    add(format!("{long}\n\nA: b\n"));
    add(format!("s\n\nA: {long}\n"));
    add(format!("s\n\nA:{}b\n", " ".repeat(1 << 20)));
    add(format!("s\n\nA{}: b\n", " ".repeat(1 << 20)));
    add(format!("s\n\nA: b\n{}\n", " ".repeat(1 << 20)));
    add(format!("s\n\n{}", "A: b\n".repeat(10_000)));
    add(format!("s\n\nA: b\n{}", " c\n".repeat(10_000)));
    add(format!("s\n\nSigned-off-by: b\n{}", "prose\n".repeat(30_000)));
    add(format!("s\n\n{}Signed-off-by: b\n", "A: b\nprose\n".repeat(15_000)));
    add(format!("s\n\nA: b\n{}", "# c\n".repeat(10_000)));
    add(format!("s\n\nA: b\n\n{}", "Conflicts:\n\tx\n".repeat(10_000)));
    messages
}

/// Returns `count` messages made from the grammar, the same for the same `seed`.
pub(crate) fn generated(seed: u64, count: usize) -> Vec<Vec<u8>> {
    let mut dice = Dice(seed);
    (0..count).map(|_| message(&mut dice)).collect()
}

fn message(dice: &mut Dice) -> Vec<u8> {
    let mut message = Vec::new();
    let line_end: &[u8] = if dice.one_in(6) { b"\r\n" } else { b"\n" };
    // Most messages have a subject and a blank line, or there would hardly be a block.
    if !dice.one_in(5) {
        message.extend_from_slice(b"subject");
        message.extend_from_slice(line_end);
        message.extend_from_slice(line_end);
    }
    // Half of the messages are tame: hardly anything but trailers, which makes blocks.
    let tame = dice.one_in(2);
    for _ in 0..dice.below(10) {
        if tame && !dice.one_in(12) {
            message.extend_from_slice(dice.pick(TAME).as_bytes());
        } else {
            line(dice, &mut message);
        }
        if !dice.one_in(25) {
            message.extend_from_slice(if dice.one_in(20) { b"\r\n" } else { line_end });
        }
    }
    if dice.one_in(4) {
        message.pop();
    }
    if dice.one_in(10) && !message.is_empty() {
        let at = dice.below(message.len());
        message[at] = dice.pick(b"\0\n\n :#-\t\r\xff\x0c");
    }
    message
}

const TAME: &[&str] = &[
    "A: b",
    "Reviewed-by: A <a@b.example>",
    "Signed-off-by: x",
    "Key : v  ",
    "https://x",
    "  more",
    "\tmore: x",
    "# c",
    "(cherry picked from commit 12ab)",
];

fn line(dice: &mut Dice, message: &mut Vec<u8>) {
    const KEYS: &[&str] =
        &["A", "Reviewed-by", "Signed-off-by", "signed-off-by", "-", "9", "K\u{e9}", "K_", "", "a b"];
    const SEPARATORS: &[&str] = &[": ", ": ", ": ", ":", " : ", "\t:", "=", " ", "\u{ff1a}"];
    const VALUES: &[&str] =
        &["v", "v", "A <a@b.example>", "", " ", "v  ", "\tv: w", "v\r", "\u{a0}v", "https://x"];
    const INDENTS: &[&str] = &[" ", "  ", "\t", "\r", " \t ", "\x0c"];
    const REST: &[&str] =
        &["more", "A: b", "# c", "", "prose here", "Conflicts:", "(cherry picked from commit a)"];
    const OTHERS: &[&str] = &[
        "prose here",
        "prose",
        "(cherry picked from commit 12ab)",
        "(cherry picked from commit ",
        "Conflicts:",
        "---",
        "--- x",
        "----",
        CUT,
        "# c",
        "#",
        "# c: d",
        "Signed-off-by: x",
        "\tpath",
        " ",
        "\t",
        "%",
        "* item: x",
        "A",
        "-",
    ];
    let mut add = |part: &str| message.extend_from_slice(part.as_bytes());
    match dice.below(16) {
        0..6 => {
            add(dice.pick(KEYS));
            add(dice.pick(SEPARATORS));
            add(dice.pick(VALUES));
        }
        6..9 => {
            add(dice.pick(INDENTS));
            add(dice.pick(REST));
        }
        9..11 => {}
        _ => add(dice.pick(OTHERS)),
    }
}

/// Numbers that look random and are the same in every run (SplitMix64).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(limit).unwrap()).unwrap()
    }

    fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}
