//! `kollect validate`: reads manifests, prints what is wrong with them. The rules are in `crate::validate`.

use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::{Args, ValueEnum, ValueHint};
use serde::Serialize;

use crate::collect::printable::counted;
use crate::engine::CollectionDefaults;
use crate::validate::files::Files;
use crate::validate::finding::{Finding, Severity, github, text};
use crate::validate::manifests;

/// Flags of `kollect validate`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "Examples:
  kollect validate config/                      every .yaml, .yml and .json file below a folder
  kollect validate profile.yaml targets.yaml    files; what they name is looked up in all of them
  helm template charts/apps | kollect validate -
  kollect validate --output github kollect/     beside the lines of a pull request, in GitHub Actions
  kollect validate --output json . | jq '.findings[] | select(.severity == \"error\")'

It says what an API server with webhooks and the operator would say: unknown fields, schema, rules, paths and
expressions, settings of the sinks of this build, scopes, and references among the manifests. What is named and
not among them may exist in the cluster: that is a warning.
Exit codes: 0 nothing is wrong; 1 an error, or with --strict a warning; 2 nothing could be validated.")]
pub struct ValidateArgs {
    /// Folders and files of manifests; - is standard input
    #[arg(required = true, value_name = "PATH", value_hint = ValueHint::AnyPath)]
    paths: Vec<PathBuf>,
    /// Namespace of objects that state none, as kubectl's flag
    #[arg(long, short, value_name = "NAME", env = "KOLLECT_NAMESPACE", default_value = "default")]
    namespace: String,
    /// How findings are written
    #[arg(long, short, value_name = "FORMAT", value_enum, env = "KOLLECT_OUTPUT", default_value = "text")]
    output: Format,
    /// Let warnings count as errors
    #[arg(long, env = "KOLLECT_STRICT")]
    strict: bool,
    /// No summary, only findings
    #[arg(long, short, env = "KOLLECT_QUIET")]
    quiet: bool,
}

/// How findings are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A line each: file:line:column: error: object: field: message
    Text,
    /// One document, for programs
    Json,
    /// Workflow commands of GitHub Actions
    Github,
}

#[derive(Serialize)]
struct Report<'a> {
    files: usize,
    objects: usize,
    errors: usize,
    warnings: usize,
    findings: &'a [Finding],
}

/// Runs the command.
///
/// # Errors
/// A path cannot be read, or there is nothing to validate.
pub fn run(args: &ValidateArgs) -> anyhow::Result<ExitCode> {
    let mut files = Files::default();
    for path in &args.paths {
        if path.as_os_str() == "-" {
            let mut text = String::new();
            io::stdin().lock().read_to_string(&mut text).context("cannot read standard input")?;
            files.text("stdin", &text, &args.namespace);
        } else {
            files.read(path, &args.namespace)?;
        }
    }
    if files.manifests.is_empty() && files.unreadable.is_empty() {
        bail!(
            "there is no object of kollect.dev in {}; only .yaml, .yml and .json files are read",
            counted(files.count as u64, "file")
        );
    }
    let findings = manifests::check(&files, &CollectionDefaults::default());
    let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    let report =
        Report { files: files.count, objects: files.manifests.len(), errors, warnings, findings: &findings };
    let written = match args.output {
        Format::Text => text(&findings),
        Format::Github => github(&findings),
        Format::Json => serde_json::to_string_pretty(&report).context("cannot write the findings")? + "\n",
    };
    match io::stdout().lock().write_all(written.as_bytes()) {
        // Whoever reads has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        outcome => outcome.context("cannot write to standard output")?,
    }
    if !args.quiet {
        eprintln!("{}", summary(&report));
    }
    let wrong = errors > 0 || args.strict && warnings > 0;
    Ok(ExitCode::from(u8::from(wrong)))
}

fn summary(report: &Report<'_>) -> String {
    let within =
        format!("{} of {}", counted(report.objects as u64, "object"), counted(report.files as u64, "file"));
    match (report.errors, report.warnings) {
        (0, 0) => format!("nothing is wrong with {within}"),
        (errors, 0) => format!("{} in {within}", counted(errors as u64, "error")),
        (0, warnings) => format!("{} in {within}", counted(warnings as u64, "warning")),
        (errors, warnings) => {
            format!(
                "{} and {} in {within}",
                counted(errors as u64, "error"),
                counted(warnings as u64, "warning")
            )
        }
    }
}
