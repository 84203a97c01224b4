//! The course of a run's loss, as a picture.

use std::fmt::Write as _;

/// What a picture shows.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Curves {
    /// Steps with the mean loss of their tokens.
    pub(super) trained: Vec<(u64, f64)>,
    /// Steps after which the examples set aside were measured, with their loss.
    pub(super) measured: Vec<(u64, f64)>,
}

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 400.0;
/// Room for the axes' numbers: left, top, right, bottom.
const MARGINS: [f64; 4] = [56.0, 36.0, 16.0, 44.0];
/// Lines across the picture.
const N_LINES: usize = 5;
/// How slowly the mean of losses moves.
const SMOOTHING: f64 = 0.9;

/// A picture in SVG. It follows from the curves alone.
pub(super) fn svg(curves: &Curves) -> String {
    let finite = |points: &[(u64, f64)]| -> Vec<(u64, f64)> {
        let points = points.iter().filter(|(_, loss)| loss.is_finite());
        points.copied().collect()
    };
    let (trained, measured) = (finite(&curves.trained), finite(&curves.measured));
    let all = || trained.iter().chain(&measured);
    let last = all().map(|(step, _)| *step).max().unwrap_or(1).max(2);
    let top = all().map(|(_, loss)| *loss).fold(0.0, f64::max) * 1.05;
    let axes = Axes {
        last,
        top: if top > 0.0 { top } else { 1.0 },
    };
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <title>Loss in nats per trained token, by step</title>\n\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"white\"/>\n"
    );
    axes.draw(&mut svg);
    line(&mut svg, &axes, &trained, "#b8c7dc", 1.0);
    line(&mut svg, &axes, &smooth(&trained), "#2b5c9e", 2.0);
    line(&mut svg, &axes, &measured, "#c2502e", 2.0);
    for &(step, loss) in &measured {
        let (x, y) = (axes.x(step as f64), axes.y(loss));
        add(
            &mut svg,
            format_args!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"#c2502e\"/>"),
        );
    }
    for (i, (name, colour)) in [
        ("trained, and smoothed", "#2b5c9e"),
        ("set aside", "#c2502e"),
    ]
    .into_iter()
    .take(if measured.is_empty() { 1 } else { 2 })
    .enumerate()
    {
        let x = MARGINS[0] + 180.0 * i as f64;
        add(
            &mut svg,
            format_args!("<text x=\"{x}\" y=\"22\" fill=\"{colour}\">{name}</text>"),
        );
    }
    svg.push_str("</svg>\n");
    svg
}

struct Axes {
    last: u64,
    top: f64,
}

impl Axes {
    fn x(&self, step: f64) -> f64 {
        let width = WIDTH - MARGINS[0] - MARGINS[2];
        MARGINS[0] + width * (step - 1.0).max(0.0) / (self.last - 1) as f64
    }

    fn y(&self, loss: f64) -> f64 {
        let height = HEIGHT - MARGINS[1] - MARGINS[3];
        HEIGHT - MARGINS[3] - height * loss / self.top
    }

    fn draw(&self, svg: &mut String) {
        let (left, right) = (MARGINS[0], WIDTH - MARGINS[2]);
        for i in 0..=N_LINES {
            let share = i as f64 / N_LINES as f64;
            let (loss, step) = (share * self.top, 1.0 + share * (self.last - 1) as f64);
            let (x, y) = (self.x(step), self.y(loss));
            add(
                svg,
                format_args!("<path d=\"M{left} {y:.1}H{right}\" stroke=\"#e4e4e4\"/>"),
            );
            let (to, below) = (left - 8.0, y + 4.0);
            add(
                svg,
                format_args!(
                    "<text x=\"{to}\" y=\"{below:.1}\" text-anchor=\"end\">{loss:.2}</text>"
                ),
            );
            let under = HEIGHT - MARGINS[3] + 18.0;
            add(
                svg,
                format_args!(
                    "<text x=\"{x:.1}\" y=\"{under}\" text-anchor=\"middle\">{step:.0}</text>"
                ),
            );
        }
        let (x, y) = ((left + right) / 2.0, HEIGHT - 8.0);
        add(
            svg,
            format_args!("<text x=\"{x}\" y=\"{y}\" text-anchor=\"middle\">step</text>"),
        );
    }
}

fn line(svg: &mut String, axes: &Axes, points: &[(u64, f64)], colour: &str, width: f64) {
    let mut path = String::new();
    for (i, &(step, loss)) in points.iter().enumerate() {
        let (x, y) = (axes.x(step as f64), axes.y(loss));
        let to = if i == 0 { 'M' } else { 'L' };
        path.push_str(&format!("{to}{x:.1} {y:.1}"));
    }
    add(
        svg,
        format_args!(
            "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"{width}\"/>"
        ),
    );
}

/// Means that forget slowly, without a bias to the first ones.
fn smooth(points: &[(u64, f64)]) -> Vec<(u64, f64)> {
    let (mut mean, mut weight) = (0.0, 0.0);
    let mut smooth = |&(step, loss): &(u64, f64)| {
        mean = SMOOTHING * mean + (1.0 - SMOOTHING) * loss;
        weight = SMOOTHING * weight + (1.0 - SMOOTHING);
        (step, mean / weight)
    };
    points.iter().map(&mut smooth).collect()
}

fn add(svg: &mut String, element: std::fmt::Arguments<'_>) {
    writeln!(svg, "{element}").expect("a text takes all that is written to it");
}
