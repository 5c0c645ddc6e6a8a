//! Writes a drawing as an SVG document.

use std::fmt::Write;

use image::Rgb;

use super::primitive::{Anchor, Area, GROUND, Pen, Picture, Point, Primitive, Text};

/// The font family of the PNG; browsers without it use their own sans-serif font.
const FONT: &str = "Ubuntu, sans-serif";

/// `picture` as an SVG document.
pub(super) fn document(picture: &Picture) -> String {
    let Picture { width, height, primitives } = picture;
    let mut writer = Writer { svg: String::new(), clips: 0 };
    let _ = writeln!(
        writer.svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" font-family=\"{FONT}\">\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"{}\"/>",
        hex(GROUND)
    );
    writer.write_all(primitives);
    writer.svg.push_str("</svg>\n");
    writer.svg
}

struct Writer {
    svg: String,
    /// Number of clip paths so far.
    clips: usize,
}

impl Writer {
    fn write_all(&mut self, primitives: &[Primitive]) {
        for primitive in primitives {
            match primitive {
                Primitive::Clip { area, contents } => self.write_clip(*area, contents),
                other => {
                    self.svg.push_str(&element(other));
                    self.svg.push('\n');
                }
            }
        }
    }

    fn write_clip(&mut self, area: Area, contents: &[Primitive]) {
        let id = self.clips;
        self.clips += 1;
        let _ = writeln!(
            self.svg,
            "<clipPath id=\"plot{id}\"><rect {}/></clipPath>\n<g clip-path=\"url(#plot{id})\">",
            attributes(area)
        );
        self.write_all(contents);
        self.svg.push_str("</g>\n");
    }
}

/// The element of a primitive other than [`Primitive::Clip`].
fn element(primitive: &Primitive) -> String {
    match primitive {
        Primitive::Line { points, pen } => line(points, *pen),
        Primitive::Frame { area, color } => {
            format!("<rect {} fill=\"none\" stroke=\"{}\"/>", attributes(*area), hex(*color))
        }
        Primitive::Circle { center: (x, y), radius, color } => {
            format!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius}\" fill=\"{}\"/>", hex(*color))
        }
        Primitive::Polygon { corners, color } => {
            format!("<polygon points=\"{}\" fill=\"{}\"/>", list(corners), hex(*color))
        }
        Primitive::Text(text) => text_element(text),
        Primitive::Clip { .. } => String::new(),
    }
}

fn line(points: &[Point], pen: Pen) -> String {
    let mut element = format!(
        "<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"{}\" stroke-linejoin=\"round\"",
        list(points),
        hex(pen.color),
        pen.width
    );
    if !pen.dashes.is_empty() {
        let lengths: Vec<String> = pen.dashes.iter().map(f32::to_string).collect();
        let _ = write!(element, " stroke-dasharray=\"{}\"", lengths.join(" "));
    }
    element + "/>"
}

fn text_element(text: &Text) -> String {
    let Text { at: (x, y), anchor, size, color, content } = text;
    let anchor = match anchor {
        Anchor::Start => "start",
        Anchor::Middle => "middle",
        Anchor::End => "end",
    };
    format!(
        "<text x=\"{x:.1}\" y=\"{y:.1}\" font-size=\"{size}\" text-anchor=\"{anchor}\" fill=\"{}\">{}</text>",
        hex(*color),
        escape(content)
    )
}

fn attributes(Area { left, top, width, height }: Area) -> String {
    format!("x=\"{left:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{height:.1}\"")
}

fn list(points: &[Point]) -> String {
    let points: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    points.join(" ")
}

fn hex(Rgb([red, green, blue]): Rgb<u8>) -> String {
    format!("#{red:02X}{green:02X}{blue:02X}")
}

/// `text` for XML. Characters that XML forbids become the replacement character.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            c if c.is_control() || matches!(c, '\u{FFFE}' | '\u{FFFF}') => escaped.push('\u{FFFD}'),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_is_valid_in_xml() {
        assert_eq!(escape("a<b> & \"c\"\u{1b}[0m\0"), "a&lt;b&gt; &amp; &quot;c&quot;\u{FFFD}[0m\u{FFFD}");
    }
}
