//! Bars that show how far passes are. Nothing is shown unless somebody looks.

use std::fmt;
use std::io::{self, IsTerminal};
use std::time::Duration;

use indicatif::{HumanCount, MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

const REDRAW_EVERY: Duration = Duration::from_millis(100);

/// The bars of all sources.
#[derive(Debug)]
pub struct Progress {
    bars: Option<MultiProgress>,
}

/// Whether the user wants to see bars.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Where standard error is a terminal.
    Automatic,
    /// Never.
    Quiet,
}

impl Progress {
    /// Bars on standard error, if that is a terminal and the user wants them.
    pub fn new(wish: Wish) -> Self {
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let shown = wish == Wish::Automatic && !plain && io::stderr().is_terminal();
        Self { bars: shown.then(|| MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(10))) }
    }

    /// A bar for a source.
    pub fn bar(&self, name: &str) -> ProgressBar {
        self.add(name, "{spinner} {prefix}  {human_pos} objects  {rate}/s  {wide_msg}")
    }

    /// A bar for a sink that is read.
    pub fn rows(&self, name: &str) -> ProgressBar {
        self.add(name, "{spinner} {prefix}  {human_pos} rows  {rate}/s")
    }

    /// A line that says what is being waited for.
    pub fn note(&self, text: &str) -> ProgressBar {
        self.add(text, "{spinner} {prefix}")
    }

    fn add(&self, name: &str, template: &str) -> ProgressBar {
        let Some(bars) = &self.bars else { return ProgressBar::hidden() };
        let bar = bars.add(ProgressBar::new_spinner());
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.with_key("rate", rate));
        }
        bar.set_prefix(name.to_owned());
        bar.enable_steady_tick(REDRAW_EVERY);
        bar
    }
}

/// Whole objects: nobody reads decimals that change ten times a second.
fn rate(state: &ProgressState, out: &mut dyn fmt::Write) {
    // A bar without its number is no reason to stop.
    let _ = write!(out, "{}", HumanCount(state.per_sec().round() as u64));
}
