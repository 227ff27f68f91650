//! What the demo prints. Decides nothing.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// The terminal, or a file in its place: then there are no colours.
#[derive(Debug)]
pub(super) struct Screen {
    colour: bool,
}

impl Default for Screen {
    fn default() -> Self {
        let colour = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        Self { colour }
    }
}

impl Screen {
    /// A part of the story.
    pub(super) fn title(&self, text: &str) {
        println!("\n{}", self.painted("1", text));
    }

    /// Something that is so now.
    pub(super) fn note(&self, text: &str) {
        println!("  {} {text}", self.painted("32", "✓"));
    }

    /// Runs what takes a while, and says so with the time that it took.
    pub(super) fn step<T>(&self, text: &str, act: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
        let start = Instant::now();
        let done = act()?;
        self.note(&format!(
            "{text} {}",
            self.painted("2", &format!("({:.1} s)", start.elapsed().as_secs_f64()))
        ));
        Ok(done)
    }

    /// A command that a person could have typed, and what it printed.
    pub(super) fn shell(&self, command: &str, output: &str) {
        println!("\n{}", self.painted("36", &format!("$ {command}")));
        println!("{}", output.trim_end());
    }

    /// An explanation.
    pub(super) fn text(&self, text: &str) {
        println!("{}", self.painted("2", text));
    }

    /// The head of a table of changes.
    pub(super) fn columns(&self, names: [&str; 3]) {
        println!();
        self.row(names);
    }

    /// A row of it.
    pub(super) fn row(&self, [what, answered, committed]: [&str; 3]) {
        println!("  {what:<34} {answered:>12} {committed:>12}");
    }

    fn painted(&self, code: &str, text: &str) -> String {
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_string() }
    }
}

/// A short time, for people.
pub(super) fn millis(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}
