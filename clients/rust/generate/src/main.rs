//! Writes `src/gen/cairn.v1.rs` from the protos, or with `--check` says whether it is what they make. A step of its own,
//! so that whoever builds the client needs neither a compiler of protos nor the protos.
use std::error::Error;
use std::path::Path;
use std::{env, fs};

const PACKAGE: &str = "cairn.v1";

fn main() -> Result<(), Box<dyn Error>> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let committed = here.join("../src/gen").join(format!("{PACKAGE}.rs"));
    let made = generate(&here.join("../../../proto"))?;
    if env::args().any(|argument| argument == "--check") {
        let same = fs::read_to_string(&committed)? == made;
        return if same { Ok(()) } else { Err("the protos have changed: cargo run -p generate".into()) };
    }
    Ok(fs::write(committed, made)?)
}

fn generate(protos: &Path) -> Result<String, Box<dyn Error>> {
    let mut files = fs::read_dir(protos.join("cairn/v1"))?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()?;
    files.sort();
    let mut descriptors = protox::compile(files, [protos])?;
    // Google's types are in prost-types, and the rules of buf.validate are for servers.
    descriptors.file.retain(|file| [PACKAGE, "google.protobuf"].contains(&file.package()));
    let folder = env::temp_dir().join(format!("cairn-generate-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    prost_build::Config::new().btree_map(["."]).out_dir(&folder).compile_fds(descriptors)?;
    let made = fs::read_to_string(folder.join(format!("{PACKAGE}.rs")))?;
    fs::remove_dir_all(folder)?;
    Ok(made)
}
