use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Attached, Lambda, Outcome, REQUEST_LIMIT, RESPONSE_LIMIT};

/// Sends one request on a connection of its own; gives status, head and body.
async fn request(api: &str, line: &str, headers: &str, body: &[u8]) -> (u16, String, Vec<u8>) {
    let mut stream = TcpStream::connect(api).await.unwrap();
    let head = format!(
        "{line} HTTP/1.1\r\nHost: api\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(body).await.ok();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(answer[..end].to_vec()).unwrap().to_lowercase();
    (head[9..12].parse().unwrap(), head, answer[end + 4..].to_vec())
}

fn header(head: &str, name: &str) -> String {
    let line = head.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
    line.unwrap_or_else(|| panic!("no {name} in {head}")).to_owned()
}

async fn next(api: &str) -> (String, String, Vec<u8>) {
    let (status, head, body) = request(api, "GET /2018-06-01/runtime/invocation/next", "", b"").await;
    assert_eq!(status, 200);
    (header(&head, "lambda-runtime-aws-request-id"), head, body)
}

async fn answer(api: &str, id: &str, body: &[u8]) -> u16 {
    let line = format!("POST /2018-06-01/runtime/invocation/{id}/response");
    request(api, &line, "", body).await.0
}

async fn attached(timeout: Duration) -> Attached {
    Lambda::builder().name("orders").timeout(timeout).attach().await.unwrap()
}

const LONG: Duration = Duration::from_secs(30);

#[tokio::test]
async fn an_event_is_given_and_its_answer_taken() {
    let lambda = attached(LONG).await;
    let api = lambda.address();
    let handler = async {
        let (id, head, body) = next(&api).await;
        assert_eq!(body, br#"{"n":1}"#);
        let deadline: i64 = header(&head, "lambda-runtime-deadline-ms").parse().unwrap();
        let left = deadline - chrono::Utc::now().timestamp_millis();
        assert!((20_000..=30_000).contains(&left), "{left}");
        assert!(header(&head, "lambda-runtime-trace-id").starts_with("root=1-"));
        assert!(header(&head, "lambda-runtime-invoked-function-arn").ends_with(":function:orders"));
        assert_eq!(answer(&api, "another", b"{}").await, 400);
        assert_eq!(answer(&api, &id, br#"{"ok":true}"#).await, 202);
        assert_eq!(answer(&api, &id, b"{}").await, 400);
        id
    };
    let (invocation, id) = tokio::join!(lambda.invoke(json!({ "n": 1 })), handler);
    assert_eq!(invocation.request_id, id);
    assert_eq!(invocation.outcome.json().unwrap(), json!({ "ok": true }));
}

#[tokio::test]
async fn an_error_of_the_function_is_told() {
    let lambda = attached(LONG).await;
    let api = lambda.address();
    let handler = async {
        let (id, ..) = next(&api).await;
        let line = format!("POST /2018-06-01/runtime/invocation/{id}/error");
        let body = br#"{"errorType":"broken","errorMessage":"no more"}"#;
        request(&api, &line, "Lambda-Runtime-Function-Error-Type: unhandled\r\n", body).await.0
    };
    let (invocation, status) = tokio::join!(lambda.invoke("1"), handler);
    assert_eq!(status, 202);
    let Outcome::Failed(error) = invocation.outcome else { panic!("{:?}", invocation.outcome) };
    assert_eq!((error.error_type.as_str(), error.message.as_str()), ("broken", "no more"));
    assert_eq!(error.header.as_deref(), Some("unhandled"));
}

#[tokio::test]
async fn an_answer_after_the_deadline_is_refused() {
    let lambda = attached(Duration::from_millis(50)).await;
    let api = lambda.address();
    let (invocation, (id, ..)) = tokio::join!(lambda.invoke("1"), next(&api));
    assert!(matches!(invocation.outcome, Outcome::TimedOut), "{:?}", invocation.outcome);
    assert_eq!(answer(&api, &id, b"{}").await, 400);
}

#[tokio::test]
async fn an_answer_of_the_limit_is_taken_and_a_longer_one_is_not() {
    let lambda = attached(LONG).await;
    let api = lambda.address();
    for (bytes, status) in [(RESPONSE_LIMIT, 202), (RESPONSE_LIMIT + 1, 413)] {
        let handler = async {
            let (id, ..) = next(&api).await;
            answer(&api, &id, &vec![b'1'; bytes]).await
        };
        let (invocation, told) = tokio::join!(lambda.invoke("1"), handler);
        assert_eq!(told, status);
        match invocation.outcome {
            Outcome::Answer(answer) => assert_eq!((answer.len(), status), (bytes, 202)),
            Outcome::AnswerTooLarge(found) => assert_eq!((found, status), (bytes, 413)),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn an_event_over_the_limit_reaches_nobody() {
    let lambda = attached(LONG).await;
    let invocation = lambda.invoke("1".repeat(REQUEST_LIMIT + 1)).await;
    assert!(matches!(invocation.outcome, Outcome::EventTooLarge(n) if n == REQUEST_LIMIT + 1));
}

#[tokio::test]
async fn a_failed_initialisation_and_an_extension_are_seen() {
    let lambda = attached(LONG).await;
    let api = lambda.address();
    let body = br#"{"errorType":"config-invalid","errorMessage":"no bucket"}"#;
    let (status, ..) = request(&api, "POST /2018-06-01/runtime/init/error", "", body).await;
    assert_eq!(status, 202);
    assert_eq!(lambda.init_error().unwrap().message, "no bucket");
    assert!(!lambda.has_extension());
    let name = "Lambda-Extension-Name: ours\r\n";
    let (status, head, _) = request(&api, "POST /2020-01-01/extension/register", name, b"{}").await;
    assert_eq!(status, 200);
    assert!(!header(&head, "lambda-extension-identifier").is_empty());
    assert!(lambda.has_extension());
}

#[tokio::test]
async fn another_path_is_not_found() {
    let lambda = attached(LONG).await;
    assert_eq!(request(&lambda.address(), "GET /", "", b"").await.0, 404);
}

#[cfg(unix)]
#[tokio::test]
async fn a_process_that_ends_or_hangs_at_its_start_is_told_of() {
    let lambda = Lambda::builder().binary("/bin/true");
    let ended = lambda.invoke("{}").await.unwrap();
    let Outcome::InitFailed(None, Some(status)) = ended.outcome else { panic!("{:?}", ended.outcome) };
    assert!(status.success());
    let folder = std::env::temp_dir().join(format!("datalake-lambda-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let script = folder.join("bootstrap");
    std::fs::write(&script, "#!/bin/sh\necho \"$COLOUR\"\nexec sleep 600\n").unwrap();
    make_executable(&script);
    let builder = Lambda::builder().initialisation(Duration::from_millis(300)).env("COLOUR", "red");
    let lambda = builder.binary(&script);
    let ended = lambda.invoke("{}").await.unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    assert!(matches!(ended.outcome, Outcome::InitFailed(None, None)), "{:?}", ended.outcome);
    assert_eq!(lambda.cold_starts(), 1);
    assert_eq!(lambda.logs(), ["red"]);
}

#[cfg(unix)]
fn make_executable(path: &PathBuf) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[tokio::test]
async fn a_binary_that_is_not_there_is_an_error() {
    let lambda = Lambda::builder().binary("/nowhere/bootstrap");
    assert!(lambda.invoke("{}").await.is_err());
}
