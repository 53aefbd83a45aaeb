//! Text in a picture: escaped, measured, cut to fit; numbers and times as a person says them.

use std::borrow::Cow;
use std::fmt::{self, Write};
use std::time::Duration;

/// Text that is safe in an element and in a quoted attribute.
pub(super) struct Xml<'t>(pub(super) &'t str);

impl fmt::Display for Xml<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for letter in self.0.chars() {
            match letter {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                '\t' | '\n' | '\r' => f.write_char(' ')?,
                // XML 1.0 cannot hold these, not even escaped.
                '\0'..' ' | '\u{fffe}' | '\u{ffff}' => f.write_char('\u{fffd}')?,
                _ => f.write_char(letter)?,
            }
        }
        Ok(())
    }
}

/// A place or a length in pixels, to a hundredth, without needless digits.
pub(super) struct Px(pub(super) f64);

impl fmt::Display for Px {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", (self.0 * 100.0).round() / 100.0 + 0.0)
    }
}

/// How wide a line is in a font of this size, with the widest of the fonts that we ask for.
pub(super) fn width(text: &str, size: f64) -> f64 {
    text.chars().map(|letter| advance(letter) * size).sum()
}

/// Those of `DejaVu Sans`, rounded up; Verdana is alike, all others are narrower.
fn advance(letter: char) -> f64 {
    match letter {
        'i' | 'j' | 'l' | 'I' | 'J' | '\'' => 0.3,
        ' ' | '.' | ',' | ':' | ';' | '/' | '\\' | '|' | '·' => 0.34,
        'f' | 'r' | 't' | '-' | '(' | ')' | '[' | ']' | '!' => 0.42,
        'c' | 'k' | 's' | 'v' | 'x' | 'y' | 'z' | 'F' | 'L' | '_' => 0.6,
        'D' | 'G' | 'H' | 'N' | 'O' | 'Q' | 'U' | '&' => 0.79,
        '+' | '=' | '<' | '>' | '~' | '#' | 'w' | 'M' => 0.87,
        'm' | 'W' | '%' | '@' | '—' | '…' => 1.0,
        'A'..='Z' => 0.7,
        '\0'..='\u{24f}' => 0.64,
        '\u{370}'..='\u{52f}' => 0.75,
        _ => 1.05,
    }
}

/// As much of a line as fits into so many pixels, with an ellipsis; nothing if that says nothing.
pub(super) fn fit(text: &str, size: f64, room: f64) -> Option<Cow<'_, str>> {
    /// Fewer letters are no word.
    const LEAST: usize = 3;

    if width(text, size) <= room {
        return Some(Cow::Borrowed(text)).filter(|text| !text.trim().is_empty());
    }
    let mut left = room - width("…", size);
    let end = text.char_indices().find(|&(_, letter)| {
        left -= advance(letter) * size;
        left < 0.0
    });
    let kept = text[..end.map_or(0, |(at, _)| at)].trim_end_matches([' ', '.', '_', '-']);
    (kept.chars().count() >= LEAST).then(|| Cow::Owned(format!("{kept}…")))
}

/// `1,234,567`.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 job`, `2 jobs`.
pub(super) fn count(number: u64, noun: &str) -> String {
    format!("{} {noun}{}", grouped(number), if number == 1 { "" } else { "s" })
}

/// `83 %`, and never 0 for what is more than nothing.
pub(super) fn percent(share: f64) -> String {
    if share > 0.0 && share < 0.005 {
        return "<1 %".to_owned();
    }
    // The sum of nothing is -0.
    format!("{:.0} %", share.clamp(0.0, 1.0) * 100.0 + 0.0)
}

/// A time with so many digits that count and the unit that suits it.
pub(super) fn human(time: Duration, digits: usize) -> String {
    let (unit, name) = match time.as_nanos() {
        0 => return "0 s".to_owned(),
        1..1_000 => return format!("{} ns", time.as_nanos()),
        1_000..1_000_000 => (1e3, "µs"),
        1_000_000..1_000_000_000 => (1e6, "ms"),
        _ => (1e9, "s"),
    };
    let value = time.as_secs_f64() * 1e9 / unit;
    let whole = 1 + value.log10().floor().max(0.0) as usize;
    let text = format!("{value:.*}", digits.saturating_sub(whole));
    let short =
        if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    format!("{short} {name}")
}

#[cfg(test)]
mod tests {
    use super::{Px, Xml, count, fit, human, percent, width};
    use std::time::Duration;

    #[test]
    fn hostile_text_is_escaped() {
        let _watchdog = conc_tests::watchdog();
        assert_eq!(
            Xml("<a href=\"x\">'&'\0\n</a>").to_string(),
            "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;\u{fffd} &lt;/a&gt;"
        );
        assert_eq!(Xml("ünï 🦀").to_string(), "ünï 🦀");
    }

    #[test]
    fn numbers_are_short() {
        let _watchdog = conc_tests::watchdog();
        assert_eq!(Px(1.0).to_string(), "1");
        assert_eq!(Px(1.0 / 3.0).to_string(), "0.33");
        assert_eq!(Px(-0.0001).to_string(), "0");
        assert_eq!(count(1, "job"), "1 job");
        assert_eq!(count(0, "job"), "0 jobs");
        assert_eq!(count(1_234_567, "lane"), "1,234,567 lanes");
        assert_eq!(count(100, "lane"), "100 lanes");
        assert_eq!([-0.0, 0.001, 0.826, 1.0].map(percent), ["0 %", "<1 %", "83 %", "100 %"]);
    }

    #[test]
    fn times_have_their_unit() {
        let _watchdog = conc_tests::watchdog();
        let human = |nanos| human(Duration::from_nanos(nanos), 3);
        assert_eq!(human(0), "0 s");
        assert_eq!(human(999), "999 ns");
        assert_eq!(human(1_000), "1 µs");
        assert_eq!(human(12_345), "12.3 µs");
        assert_eq!(human(120_000_000), "120 ms");
        assert_eq!(human(4_213_000_000), "4.21 s");
        assert_eq!(human(7_261_000_000_000), "7261 s");
    }

    #[test]
    fn text_is_cut_where_it_ends_to_fit() {
        let _watchdog = conc_tests::watchdog();
        let name = "resize holiday.jpg";
        assert_eq!(fit(name, 10.0, 500.0).as_deref(), Some(name));
        assert_eq!(fit(name, 10.0, 12.0), None);
        assert_eq!(fit("", 10.0, 12.0), None);
        for room in 30..90 {
            let text = fit(name, 10.0, room.into());
            if let Some(text) = text {
                assert!(width(&text, 10.0) <= room.into(), "{text} in {room}");
                assert!(text.ends_with('…'), "{text}");
            }
        }
        assert!(fit(name, 10.0, 60.0).is_some());
    }
}
