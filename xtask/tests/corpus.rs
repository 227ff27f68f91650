//! Every fuzz target over its corpus: what fuzzing found stays mended. It looks for nothing new: that is
//! `cargo xtask fuzz`.

use std::fs;

use xtask::workspace;

#[path = "../../fuzz/src/targets/mod.rs"]
mod targets;

#[test]
fn every_target_stands_its_corpus() {
    let corpus = workspace::root().join("fuzz/corpus");
    let mut folders: Vec<String> = fs::read_dir(&corpus)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    folders.sort();
    let mut names: Vec<&str> = targets::TARGETS.iter().map(|(name, _)| *name).collect();
    names.sort_unstable();
    assert_eq!(folders, names, "each target has a folder, and each folder a target");
    for (name, target) in targets::TARGETS {
        let files: Vec<_> =
            fs::read_dir(corpus.join(name)).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert!(!files.is_empty(), "the corpus of {name} is empty");
        for file in files {
            println!("{}", file.display());
            target(&fs::read(&file).unwrap());
        }
    }
}
