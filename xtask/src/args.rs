//! Arguments of a task.

use crate::Result;

/// Fails if there are any.
pub(crate) fn none(args: &[String]) -> Result<()> {
    match args.first() {
        Some(arg) => Err(format!("unexpected argument `{arg}`").into()),
        None => Ok(()),
    }
}

/// Takes `--name VALUE` out of the arguments, if it is there.
pub(crate) fn text(args: &mut Vec<String>, name: &str) -> Result<Option<String>> {
    let Some(at) = args.iter().position(|arg| arg == name) else { return Ok(None) };
    if at + 1 == args.len() {
        return Err(format!("{name} needs a value").into());
    }
    args.remove(at);
    Ok(Some(args.remove(at)))
}

/// Reads `--name N` pairs into places of the same names.
pub(crate) fn numbers(args: &[String], places: &mut [(&str, &mut u64)]) -> Result<()> {
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let place = places.iter_mut().find(|(name, _)| name == arg);
        let (name, place) = place.ok_or_else(|| format!("unexpected argument `{arg}`"))?;
        let text = args.next().ok_or_else(|| format!("{name} needs a number"))?;
        **place = text.parse().map_err(|_| format!("{name} needs a number, not `{text}`"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_taken_out() {
        let mut args = ["--seed", "7", "--lake", "s3://b"].map(String::from).to_vec();
        assert_eq!(text(&mut args, "--lake").unwrap().as_deref(), Some("s3://b"));
        assert_eq!(args, ["--seed", "7"]);
        assert_eq!(text(&mut args, "--lake").unwrap(), None);
        assert!(text(&mut vec!["--lake".to_owned()], "--lake").is_err());
    }

    #[test]
    fn numbers_go_to_their_places() {
        let (mut cycles, mut seed) = (1, 2);
        let args = ["--seed", "7"].map(String::from);
        numbers(&args, &mut [("--cycles", &mut cycles), ("--seed", &mut seed)]).unwrap();
        assert_eq!((cycles, seed), (1, 7));
        for bad in [&["--seed"][..], &["--seed", "x"], &["--else", "1"]] {
            let args: Vec<String> = bad.iter().map(ToString::to_string).collect();
            assert!(numbers(&args, &mut [("--seed", &mut seed)]).is_err(), "{bad:?}");
        }
    }
}
