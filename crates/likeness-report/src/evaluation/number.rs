//! Number formats of a report: percent, points, counts, distances, p values.
//!
//! Percent has one decimal, and two significant digits below 1 %. Differences are signed, with a minus sign (U+2212), in
//! percentage points. A no-break space (U+00A0) stands before `%`. A value that is not finite is an en dash.

use super::data::Estimate;

/// No-break space.
pub(super) const SPACE: char = '\u{a0}';
const MINUS: char = '\u{2212}';
const NONE: &str = "–";
/// Percentages below this are not written out.
const SMALLEST: f64 = 1e-6;

/// A fraction as percent without the sign: `0.9768` → "97.7", `0.00073` → "0.073", `0` → "0".
pub(super) fn percent(fraction: f64) -> String {
    let value = fraction * 100.0;
    let size = value.abs();
    if !value.is_finite() {
        NONE.into()
    } else if size == 0.0 {
        "0".into()
    } else if size < SMALLEST {
        format!("<{SPACE}0.000001")
    } else if size < 0.995 {
        significant(value, 2)
    } else {
        signed_text(format!("{value:.1}"))
    }
}

/// A fraction as percent with the sign: `0.9768` → "97.7 %".
pub(super) fn percent_sign(fraction: f64) -> String {
    format!("{}{SPACE}%", percent(fraction))
}

/// The interval of an estimate as percent: "96.3–98.8".
pub(super) fn interval(estimate: &Estimate) -> Option<String> {
    estimate.interval().map(|(low, high)| format!("{}–{}", percent(low), percent(high)))
}

/// A rate that somebody asked for, without padding: `0.001` → "0.1 %".
pub(super) fn asked(rate: f64) -> String {
    if !rate.is_finite() {
        return NONE.into();
    }
    let text = format!("{:.8}", rate * 100.0);
    let text = text.trim_end_matches('0').trim_end_matches('.');
    format!("{text}{SPACE}%")
}

/// A difference of fractions in signed percentage points: `-0.0137` → "−1.4", `0` → "0.0".
pub(super) fn points(difference: f64) -> String {
    let value = difference * 100.0;
    if !value.is_finite() {
        return NONE.into();
    }
    let text = format!("{:.1}", value.abs());
    match text == "0.0" {
        true => text,
        false => format!("{}{text}", if value < 0.0 { MINUS } else { '+' }),
    }
}

/// The interval of a difference: "−2.3 to −0.6".
pub(super) fn points_interval(difference: &Estimate) -> Option<String> {
    difference.interval().map(|(low, high)| format!("{} to {}", points(low), points(high)))
}

/// A count with separators: `1245` → "1,245".
pub(super) fn count(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count in prose: "no", "one" to "nine" in words, then digits.
pub(super) fn count_word(number: usize) -> String {
    const WORDS: [&str; 10] = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];
    WORDS.get(number).map_or_else(|| count(number as u64), |word| (*word).into())
}

/// A distance with three decimals: "0.670"; large distances with fewer.
pub(super) fn distance(distance: f64) -> String {
    match distance.abs() {
        _ if !distance.is_finite() => NONE.into(),
        size if size < 10.0 => signed_text(format!("{distance:.3}")),
        size if size < 1000.0 => signed_text(format!("{distance:.1}")),
        _ => signed_text(format!("{distance:.0}")),
    }
}

/// A distance under a picture: two decimals, or three where the distances of the row are small.
pub(super) fn short_distance(value: f64, small: bool) -> String {
    match value.is_finite() && value.abs() < 10.0 && !small {
        true => signed_text(format!("{value:.2}")),
        false => distance(value),
    }
}

/// A p value for a column: "0.84", "0.004", "< 0.001".
pub(super) fn p_value(p: f64) -> String {
    match p {
        _ if !p.is_finite() => NONE.into(),
        _ if p < 0.001 => format!("<{SPACE}0.001"),
        _ if p < 0.1 => format!("{p:.3}"),
        _ => format!("{p:.2}"),
    }
}

/// A p value in prose: "p < 0.001", "p = 0.84".
pub(super) fn p_prose(p: f64) -> String {
    match p < 0.001 {
        true => format!("p{SPACE}{}", p_value(p)),
        false => format!("p{SPACE}={SPACE}{}", p_value(p)),
    }
}

/// A plain number with this many decimals.
pub(super) fn decimal(value: f64, decimals: usize) -> String {
    match value.is_finite() {
        true => signed_text(format!("{value:.decimals$}")),
        false => NONE.into(),
    }
}

/// Bytes as megabytes: `5_700_000` → "5.7".
pub(super) fn megabytes(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 / 1e6)
}

/// Bytes as mebibytes with the unit: "212 MiB".
pub(super) fn mebibytes(bytes: u64) -> String {
    format!("{}{SPACE}MiB", count((bytes as f64 / f64::from(1 << 20)).round() as u64))
}

/// `value` with this many significant digits.
fn significant(value: f64, digits: i32) -> String {
    let exponent = value.abs().log10().floor() as i32;
    let decimals = (digits - 1 - exponent).max(0) as usize;
    let text = format!("{value:.decimals$}");
    // 0.0996 rounds up to one digit more: "0.100" is written "0.10".
    let rounded: f64 = text.parse().unwrap_or(value);
    let decimals =
        if rounded.abs().log10().floor() as i32 > exponent { decimals.saturating_sub(1) } else { decimals };
    signed_text(format!("{value:.decimals$}"))
}

/// Writes a hyphen-minus as a minus sign.
fn signed_text(text: String) -> String {
    match text.strip_prefix('-') {
        Some(digits) => format!("{MINUS}{digits}"),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_has_one_decimal_and_small_rates_have_two_significant_digits() {
        let cases = [
            (0.9768, "97.7"),
            (1.0, "100.0"),
            (0.0, "0"),
            (0.00073, "0.073"),
            (0.000_004, "0.00040"),
            (0.009, "0.90"),
            (0.0098, "0.98"),
            (0.009_97, "1.0"),
            (0.000_996, "0.10"),
            (0.0123, "1.2"),
            (1e-12, "<\u{a0}0.000001"),
            (f64::NAN, "–"),
            (-0.02, "−2.0"),
        ];
        for (fraction, text) in cases {
            assert_eq!(percent(fraction), text, "{fraction}");
        }
        assert_eq!(percent_sign(0.5), "50.0\u{a0}%");
    }

    #[test]
    fn intervals_use_an_en_dash_and_differences_a_minus_sign() {
        assert_eq!(interval(&Estimate::new(0.977, 0.963, 0.988)).as_deref(), Some("96.3–98.8"));
        assert_eq!(interval(&Estimate::new(4e-6, 0.0, 1.7e-5)).as_deref(), Some("0–0.0017"));
        assert_eq!(interval(&Estimate::bare(0.5)), None);
        assert_eq!(points(-0.0137), "−1.4");
        assert_eq!(points(0.0004), "0.0");
        assert_eq!(points(-0.0004), "0.0");
        assert_eq!(points(0.802), "+80.2");
        assert_eq!(points_interval(&Estimate::new(-0.01, -0.023, 0.006)).as_deref(), Some("−2.3 to +0.6"));
    }

    #[test]
    fn counts_have_separators() {
        for (number, text) in [(0, "0"), (999, "999"), (1245, "1,245"), (12_638_897, "12,638,897")] {
            assert_eq!(count(number), text);
        }
        assert_eq!(count_word(2), "two");
        assert_eq!(count_word(1000), "1,000");
    }

    #[test]
    fn asked_rates_have_no_padding() {
        for (rate, text) in
            [(0.01, "1"), (0.001, "0.1"), (1e-5, "0.001"), (0.003, "0.3"), (0.1, "10"), (1.0, "100")]
        {
            assert_eq!(asked(rate), format!("{text}\u{a0}%"));
        }
    }

    #[test]
    fn distances_and_p_values() {
        assert_eq!(distance(0.67), "0.670");
        assert_eq!(distance(134.25), "134.2");
        assert_eq!(short_distance(0.389, false), "0.39");
        assert_eq!(short_distance(0.029, true), "0.029");
        assert_eq!(short_distance(-0.13, false), "−0.13");
        assert_eq!(p_value(0.0004), "<\u{a0}0.001");
        assert_eq!(p_value(0.004), "0.004");
        assert_eq!(p_value(0.84), "0.84");
        assert_eq!(p_prose(0.0002), "p\u{a0}<\u{a0}0.001");
        assert_eq!(p_prose(0.84), "p\u{a0}=\u{a0}0.84");
        assert_eq!(mebibytes(222_298_112), "212\u{a0}MiB");
        assert_eq!(megabytes(4_100_000), "4.1");
    }
}
