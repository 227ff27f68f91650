//! The object itself as an attribute: the sections that are wanted, without what is pruned. It selects no attributes.

use super::cel::{self, Expression, Fault};
use super::cut::Cuts;
use super::jsonpath::{self, Hit, Parsed, Selector, Step, Treatment, Work};
use super::page::Page;
use super::pointer;
use super::rule::{Compiler, Route};
use super::scrub::Scrubber;
use super::secrets::{self, LAST_APPLIED, SecretGuard};
use super::spec::{CompileError, ObjectContext, PlanSpec, PruneSpec, ResourceSpec, Sections, Subject};
use super::tree::Tree;
use super::trie::{Found, Trie};

/// Rules of a kind at most, and bytes of each.
const RULES: usize = 256;
const SOURCE: usize = 8192;

/// Parts of one object that rules may leave out.
const PARTS: usize = 65_536;

/// What changes without meaning, and what repeats the object.
const DEFAULTS: [&[&str]; 5] = [
    &["metadata", "managedFields"],
    &["metadata", "resourceVersion"],
    &["metadata", "generation"],
    &["metadata", "annotations", LAST_APPLIED],
    &["metadata", "annotations", "argocd.argoproj.io/tracking-id"],
];

/// What a row's identity says as well, beside apiVersion and kind.
const IDENTITY: [&[&str]; 3] = [&["metadata", "name"], &["metadata", "namespace"], &["metadata", "uid"]];

/// How an object becomes an attribute.
#[derive(Debug)]
pub(super) struct Resource {
    trie: Trie,
    sections: Sections,
    dedupe_identity: bool,
    rules: Vec<Rule>,
    guard: SecretGuard,
}

/// What finds parts to leave out.
#[derive(Debug)]
struct Rule {
    source: String,
    finder: Finder,
}

#[derive(Debug)]
enum Finder {
    Path(Route),
    /// An expression that gives pointers.
    Cel(Expression, Vec<cel::Place>),
}

/// Why there is no resource: the rule as the user wrote it, empty where it is the object's fault, and a reason.
pub(super) type Failed = (String, String);

impl Resource {
    /// Compiles what a profile says of the object.
    ///
    /// # Errors
    /// Every rule that does not compile.
    pub(super) fn compile(
        plan: &PlanSpec,
        spec: &ResourceSpec,
        scrubber: &Scrubber,
    ) -> Result<Self, Vec<CompileError>> {
        let mut errors = Vec::new();
        let mut refuse = |subject, message: String| errors.push(CompileError { subject, message });
        if secrets::is_secret(&plan.group, &plan.kind) && !spec.allow_secret {
            let message = "the whole of a Secret would leave the cluster; annotate the profile with \
                 kollect.dev/allow-full-resource-export: \"true\" if that is meant";
            refuse(Subject::Resource, message.to_owned());
        }
        if scrubber.names_secret(&spec.name) {
            let message = format!("{:?} names a secret, so that the object would be hidden", spec.name);
            refuse(Subject::ResourceName, message);
        }
        let mut trie = Trie::default();
        let mut compiler = Compiler { trie: &mut trie, scrubber, guard: SecretGuard::Open };
        let rules = rules(&mut compiler, spec, &mut refuse);
        trie.capture([]);
        if !errors.is_empty() {
            return Err(errors);
        }
        let guard = if spec.allow_secret { SecretGuard::Open } else { SecretGuard::Closed };
        Ok(Self { trie, sections: spec.sections, dedupe_identity: spec.dedupe_identity, rules, guard })
    }

    /// The object as it may leave, canonical.
    ///
    /// # Errors
    /// The object is no JSON or too deep, or a rule failed: then nothing of it may leave.
    pub(super) fn write(
        &self,
        object: &str,
        context: ObjectContext<'_>,
        scrubber: &Scrubber,
        out: &mut String,
    ) -> Result<(), Failed> {
        let broken = |reason: String| (String::new(), reason);
        let page = Page::open(&self.trie, object, context, self.guard).map_err(broken)?;
        let found = page.find(&self.trie).map_err(broken)?;
        let text = found.text(Trie::ROOT).unwrap_or("{}");
        let mut work = Work::new(scrubber);
        let mut cuts = Cuts::default();
        for rule in &self.rules {
            let parts = rule.parts(text, &found, &mut work, scrubber);
            let parts = parts.map_err(|reason| (rule.source.clone(), reason))?;
            if !parts.iter().all(|part| cuts.add(text, part)) || cuts.len() > PARTS {
                return Err((rule.source.clone(), "too many parts to leave out".to_owned()));
            }
        }
        let tree = cuts.read(text, scrubber, |key| self.shows(key));
        tree.map_err(|error| broken(format!("the object cannot be read: {error}")))?.write(out);
        Ok(())
    }

    fn shows(&self, key: &str) -> bool {
        match (key, self.sections) {
            ("apiVersion" | "kind", _) => !self.dedupe_identity,
            ("metadata", _) | (_, Sections::All) => true,
            ("spec", sections) => matches!(sections, Sections::Spec | Sections::SpecAndStatus),
            ("status", sections) => matches!(sections, Sections::Status | Sections::SpecAndStatus),
            _ => false,
        }
    }
}

fn rules(
    compiler: &mut Compiler<'_>,
    spec: &ResourceSpec,
    refuse: &mut impl FnMut(Subject, String),
) -> Vec<Rule> {
    let PruneSpec { defaults, pointers, paths, expressions } = &spec.prune;
    let mut rules = Vec::new();
    let fixed = [(*defaults, &DEFAULTS[..]), (spec.dedupe_identity, &IDENTITY[..])];
    for names in fixed.iter().filter(|(wanted, _)| *wanted).flat_map(|(_, paths)| *paths) {
        let steps: Vec<Step> = names.iter().map(|name| member(name)).collect();
        match compiler.route(&steps) {
            Ok(route) => rules.push(Rule { source: String::new(), finder: Finder::Path(route) }),
            Err(message) => refuse(Subject::Resource, message),
        }
    }
    let lists: [(_, Place, Find); 3] = [
        (pointers, Subject::Pointer, |compiler, source| {
            compiler.route(&pointer::parse(source)?).map(Finder::Path)
        }),
        (paths, Subject::Path, |compiler, source| compiler.route(&path(source)?).map(Finder::Path)),
        (expressions, Subject::Expression, |compiler, source| {
            let source = source.trim();
            let (expression, places) = compiler.expression(source.strip_prefix("cel:").unwrap_or(source))?;
            Ok(Finder::Cel(expression, places))
        }),
    ];
    for (sources, subject, find) in lists {
        for (index, source) in sources.iter().enumerate() {
            let compiled = match (index < RULES, source.len() <= SOURCE) {
                (true, true) => find(compiler, source),
                (false, _) => Err(format!("there are at most {RULES} rules")),
                (_, false) => Err(format!("a rule has at most {SOURCE} bytes")),
            };
            match compiled {
                Ok(finder) => rules.push(Rule { source: source.clone(), finder }),
                Err(message) => refuse(subject(index), message),
            }
        }
    }
    rules
}

fn member(name: &str) -> Step {
    Step::Pick(vec![Selector::Name(name.to_owned())])
}

/// The subject of the rule at an index, and what it compiles to.
type Place = fn(usize) -> Subject;
type Find = fn(&mut Compiler<'_>, &str) -> Result<Finder, String>;

fn path(source: &str) -> Result<Vec<Step>, String> {
    match jsonpath::parse(source)? {
        Parsed::Path(steps) if steps.is_empty() => Err("the path means the whole object".to_owned()),
        Parsed::Path(steps) => Ok(steps),
        Parsed::Template(_) => Err("write one path, without text around it".to_owned()),
    }
}

impl Rule {
    /// The parts of `text`, the whole object, that the rule leaves out.
    fn parts<'a>(
        &self,
        text: &'a str,
        found: &Found<'a>,
        work: &mut Work<'_>,
        scrubber: &Scrubber,
    ) -> Result<Vec<&'a str>, String> {
        let (expression, places) = match &self.finder {
            Finder::Path(route) => {
                return Ok(route.hits(found, work)?.into_iter().map(|hit| hit.text).collect());
            }
            Finder::Cel(expression, places) => (expression, places),
        };
        let value = expression.evaluate(places, found, scrubber).map_err(Fault::into_reason)?;
        let wanted = || "the expression gives no list of JSON pointers".to_owned();
        let Some(Tree::List(pointers)) = value else { return Err(wanted()) };
        let mut parts = Vec::new();
        for pointer in pointers {
            let Tree::String(pointer) = pointer else { return Err(wanted()) };
            let hits = work.select(&pointer::parse(&pointer)?, Hit { text, treatment: Treatment::Plain })?;
            parts.extend(hits.into_iter().map(|hit| hit.text));
        }
        Ok(parts)
    }
}
