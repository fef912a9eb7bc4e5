//! Is every record there, once?

use std::time::Duration;

use chrono::Utc;
use datalake_core::lake::{Lake, QuarantineLine, Zone, clean};
use datalake_core::{Document, PipelineId, Result};

/// Cleans the lake of what no commit names, and then looks at all that it has.
pub(crate) async fn all(lake: &Lake, documents: &[Document]) -> Result<(), String> {
    look(lake, documents).await.unwrap_or_else(|error| Err(error.to_string()))
}

async fn look(lake: &Lake, documents: &[Document]) -> Result<Result<(), String>> {
    clean(lake, Utc::now() + Duration::from_secs(60), Duration::ZERO, false).await?;
    let verified = lake.verify(&PipelineId::new("things")?).await?;
    if !verified.is_whole() {
        return Ok(Err(format!("the lake is not whole: {:?}", verified.problems)));
    }
    let objects: Vec<_> = lake.views().await?.into_iter().flat_map(|view| view.into_objects()).collect();
    let read = async |zone| -> Result<Vec<u8>> {
        let mut content = Vec::new();
        for object in objects.iter().filter(|object| object.zone == zone) {
            content.extend_from_slice(&lake.content(object).await?);
        }
        Ok(content)
    };
    let input: Vec<u8> = documents.iter().flat_map(|document| document.bytes().to_vec()).collect();
    if read(Zone::Raw).await? != input {
        return Ok(Err("the raw zone is not the input".into()));
    }
    let curated = numbers(&read(Zone::Curated).await?, "id-");
    if curated != (0..2 * documents.len()).collect::<Vec<_>>() {
        return Ok(Err(format!("the curated zone has {curated:?}")));
    }
    let lines = read(Zone::Quarantine).await?;
    let mut refused = Vec::new();
    for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        refused.extend(numbers(&QuarantineLine::parse(line)?.bytes()?, "bad-"));
    }
    if refused != (0..documents.len()).collect::<Vec<_>>() {
        return Ok(Err(format!("the quarantine has {refused:?}")));
    }
    Ok(Ok(()))
}

/// The numbers that follow a word, in order of their size.
fn numbers(text: &[u8], word: &str) -> Vec<usize> {
    let text = String::from_utf8_lossy(text);
    let rest = text.split(word).skip(1);
    let digits = rest.map(|rest| rest.chars().take_while(char::is_ascii_digit).collect::<String>());
    let mut numbers: Vec<_> = digits.filter_map(|digits| digits.parse().ok()).collect();
    numbers.sort_unstable();
    numbers
}
