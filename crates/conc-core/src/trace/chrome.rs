//! Chrome's trace event format: what Perfetto and `chrome://tracing` read.
//!
//! One object with an event a line: `M` names the process and its threads, `X` is a span, `i` a
//! mark. Times are microseconds; three digits after the point keep the nanoseconds.

use super::{Lane, Mark, Outcome, Span, Timeline};
use std::fmt;
use std::io::{self, BufWriter, Write};
use std::time::Duration;

/// All lanes are threads of one process. Their numbers start at 1: viewers treat 0 specially.
const PID: u32 = 1;

pub(super) fn write(timeline: &Timeline, out: impl Write) -> io::Result<()> {
    let mut out = BufWriter::new(out);
    write!(
        out,
        "{{\"displayTimeUnit\":\"ms\",\"otherData\":{{\"dropped\":{}}},\"traceEvents\":[\n\
         {{\"name\":\"process_name\",\"ph\":\"M\",\"pid\":{PID},\"args\":{{\"name\":\"conc\"}}}}",
        timeline.dropped(),
    )?;
    for (lane, tid) in timeline.lanes.iter().zip(1..) {
        write_lane(&mut out, lane, tid)?;
    }
    out.write_all(b"\n]}\n")?;
    out.flush()
}

fn write_lane(out: &mut impl Write, lane: &Lane, tid: u32) -> io::Result<()> {
    let head = format!("\"pid\":{PID},\"tid\":{tid}");
    write!(
        out,
        ",\n{{\"name\":\"thread_name\",\"ph\":\"M\",{head},\"args\":{{\"name\":{}}}}}\
         ,\n{{\"name\":\"thread_sort_index\",\"ph\":\"M\",{head},\"args\":{{\"sort_index\":{tid}}}}}",
        Text(&lane.name),
    )?;
    for span in &lane.spans {
        write_span(out, span, &head)?;
    }
    for mark in &lane.marks {
        write_mark(out, mark, &head)?;
    }
    Ok(())
}

fn write_span(out: &mut impl Write, span: &Span, head: &str) -> io::Result<()> {
    // Only chrome://tracing knows these colours.
    let colour = match span.outcome {
        Outcome::Completed => "",
        Outcome::Failed => ",\"cname\":\"terrible\"",
        Outcome::Killed => ",\"cname\":\"black\"",
    };
    write!(
        out,
        ",\n{{\"name\":{},\"cat\":\"job\",\"ph\":\"X\",\"ts\":{},\"dur\":{},{head}{colour},\
         \"args\":{{\"outcome\":\"{}\"}}}}",
        Text(&span.name),
        Micros(span.start),
        Micros(span.length),
        span.outcome.as_str(),
    )
}

fn write_mark(out: &mut impl Write, mark: &Mark, head: &str) -> io::Result<()> {
    write!(
        out,
        ",\n{{\"name\":{},\"cat\":\"mark\",\"ph\":\"i\",\"s\":\"t\",\"ts\":{},{head},\
         \"args\":{{\"kind\":\"{}\"}}}}",
        Text(&mark.name),
        Micros(mark.at),
        mark.kind.as_str(),
    )
}

/// A time in microseconds, exact to the nanosecond.
struct Micros(Duration);

impl fmt::Display for Micros {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.as_nanos();
        write!(f, "{}.{:03}", nanos / 1_000, nanos % 1_000)
    }
}

/// A JSON string with its quotes.
struct Text<'t>(&'t str);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write;
        f.write_char('"')?;
        for letter in self.0.chars() {
            match letter {
                '"' => f.write_str("\\\"")?,
                '\\' => f.write_str("\\\\")?,
                '\n' => f.write_str("\\n")?,
                '\t' => f.write_str("\\t")?,
                // The two separators are legal JSON, but not inside a script of old.
                '\0'..' ' | '\u{7f}' | '\u{2028}' | '\u{2029}' => {
                    write!(f, "\\u{:04x}", u32::from(letter))?;
                }
                _ => f.write_char(letter)?,
            }
        }
        f.write_char('"')
    }
}

#[cfg(test)]
mod tests {
    use super::{Micros, Text, Timeline, write};
    use crate::trace::{Lane, Mark, MarkKind, Outcome, Span};
    use std::time::Duration;

    /// Eats one JSON value; what is left, or where it went wrong.
    fn value(text: &str) -> Result<&str, &str> {
        match text.as_bytes().first() {
            Some(b'{') => list(&text[1..], '}', |text| {
                let rest = string(text)?.strip_prefix(':').ok_or(text)?;
                value(rest)
            }),
            Some(b'[') => list(&text[1..], ']', value),
            Some(b'"') => string(text),
            Some(b'0'..=b'9') => number(text),
            _ => Err(text),
        }
    }

    fn list(
        text: &str,
        end: char,
        item: impl Fn(&str) -> Result<&str, &str>,
    ) -> Result<&str, &str> {
        if let Some(rest) = text.trim_start().strip_prefix(end) {
            return Ok(rest);
        }
        let mut text = text;
        loop {
            text = item(text.trim_start())?.trim_start();
            if let Some(rest) = text.strip_prefix(end) {
                return Ok(rest);
            }
            text = text.strip_prefix(',').ok_or(text)?;
        }
    }

    fn string(text: &str) -> Result<&str, &str> {
        let mut letters = text.strip_prefix('"').ok_or(text)?.chars();
        loop {
            match letters.next() {
                Some('"') => return Ok(letters.as_str()),
                Some('\\') => match letters.next() {
                    Some('"' | '\\' | 'n' | 't') => {}
                    Some('u') if letters.by_ref().take(4).all(|c| c.is_ascii_hexdigit()) => {}
                    _ => return Err(text),
                },
                Some(' '..) => {}
                _ => return Err(text),
            }
        }
    }

    fn number(text: &str) -> Result<&str, &str> {
        let digits = |text: &str| text.len() - text.trim_start_matches(char::is_numeric).len();
        let whole = digits(text);
        if whole > 1 && text.starts_with('0') {
            return Err(text);
        }
        let rest = &text[whole..];
        let Some(fraction) = rest.strip_prefix('.') else { return Ok(rest) };
        if digits(fraction) == 0 { Err(text) } else { Ok(&fraction[digits(fraction)..]) }
    }

    fn json(timeline: &Timeline) -> String {
        let mut out = Vec::new();
        write(timeline, &mut out).expect("memory takes everything");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn the_checker_is_strict() {
        let _watchdog = conc_tests::watchdog();
        for bad in
            ["{", "[1,]", "[01]", "[1.]", "{\"a\"}", "\"\n\"", "\"\\x\"", "[1 2]", "\"\\u12\""]
        {
            assert_ne!(value(bad), Ok(""), "{bad}");
        }
        assert_eq!(value("{\"a\":[1,2.50,\"\\u00e4\"], \"b\":{}}"), Ok(""));
    }

    #[test]
    fn hostile_names_leave_the_json_well_formed() {
        let _watchdog = conc_tests::watchdog();
        let name = "a \"quoted\" \\ back\nslash\t\r\0\u{1b}[31m\u{7f} ünï \u{2028} 🦀 </script>";
        let mut lane = Lane::new(name);
        let long = Duration::MAX;
        for outcome in [Outcome::Completed, Outcome::Failed, Outcome::Killed] {
            lane.spans.push(Span::new(name, Duration::from_nanos(1_234_567), long, outcome));
        }
        for kind in [MarkKind::Death, MarkKind::Restart, MarkKind::Note] {
            lane.marks.push(Mark::new(name, Duration::ZERO, kind));
        }
        let text = json(&[lane, Lane::default()].into_iter().collect());
        assert_eq!(value(&text).map(str::trim), Ok(""), "{text}");
        assert_eq!(text.matches("\"ph\":\"X\"").count(), 3);
        assert_eq!(text.matches("\"ph\":\"i\"").count(), 3);
        assert_eq!(text.matches("\"thread_name\"").count(), 2);
        assert!(text.contains("\"ts\":1234.567,"), "{text}");
        assert!(text.contains("\"outcome\":\"killed\""), "{text}");
    }

    #[test]
    fn an_empty_timeline_is_json_too() {
        let _watchdog = conc_tests::watchdog();
        let text = json(&Timeline::new());
        assert_eq!(value(&text).map(str::trim), Ok(""), "{text}");
    }

    #[test]
    fn what_was_not_kept_is_told() {
        let _watchdog = conc_tests::watchdog();
        let mut lane = Lane::new("w");
        lane.dropped = 7;
        assert!(json(&[lane].into_iter().collect()).contains("\"dropped\":7"));
    }

    #[test]
    fn strings_and_times_are_exact() {
        let _watchdog = conc_tests::watchdog();
        assert_eq!(Text("a\"b\\c\u{1}").to_string(), "\"a\\\"b\\\\c\\u0001\"");
        assert_eq!(Micros(Duration::from_nanos(5)).to_string(), "0.005");
        assert_eq!(Micros(Duration::from_secs(3)).to_string(), "3000000.000");
    }
}
