use super::*;

fn following(files: &Files, pattern: &str) -> FilesSource {
    files.builder(pattern).follow(true).poll(Duration::from_secs(10)).build().unwrap()
}

#[tokio::test]
async fn a_half_written_line_waits() {
    let files = Files::new();
    files.write("a.log", "1\n2");
    let mut source = following(&files, "a.log");
    assert_eq!(records(&mut source).await, ["1"]);
    assert_eq!(records(&mut source).await, Vec::<String>::new());
    files.append("a.log", "b\n\"3");
    let (found, position) = drain(&mut source).await;
    assert_eq!(told(&found), ["2b"]);
    let mut again = following(&files, "a.log");
    again.seek(position.as_ref()).await.unwrap();
    assert_eq!(records(&mut again).await, Vec::<String>::new());
    files.append("a.log", "\n");
    assert_eq!(records(&mut again).await, ["\"3"]);
    assert_eq!(records(&mut source).await, ["\"3"]);
}

#[tokio::test]
async fn a_half_written_row_and_a_half_written_header_wait() {
    let files = Files::new();
    files.write("a.csv", "x,");
    let mut source = following(&files, "a.csv");
    assert_eq!(records(&mut source).await, Vec::<String>::new());
    files.append("a.csv", "y\n1,\"a\n");
    assert_eq!(records(&mut source).await, Vec::<String>::new());
    files.append("a.csv", "b\"\n");
    assert_eq!(records(&mut source).await, [r#"{"x":"1","y":"a\nb"}"#]);
}

#[tokio::test]
async fn the_last_line_of_a_renamed_file_is_taken_once_it_is_left_alone() {
    for first in ["1\n", ""] {
        let files = Files::new();
        files.write("app.log", format!("{first}half"));
        let mut source = following(&files, "app.log*");
        records(&mut source).await;
        files.rename("app.log", "app.log.1");
        files.write("app.log", "next\n");
        assert_eq!(records(&mut source).await, ["next"]);
        files.age("app.log.1");
        assert_eq!(records(&mut source).await, ["half"]);
        assert_eq!(records(&mut source).await, Vec::<String>::new());
    }
}

#[tokio::test]
async fn the_last_line_of_a_file_that_is_gone_is_taken() {
    let files = Files::new();
    for first in ["1\n", ""] {
        files.write("a.log", format!("{first}half"));
        let mut source = following(&files, "a.log");
        records(&mut source).await;
        files.append("a.log", " and half");
        fs::remove_file(files.path("a.log")).unwrap();
        assert_eq!(records(&mut source).await, ["half and half"]);
        files.write("a.log", "new\n");
        assert_eq!(records(&mut source).await, ["new"]);
    }
}

#[tokio::test]
async fn the_last_line_of_an_emptied_file_is_taken_before_what_follows() {
    let files = Files::new();
    files.write("a.log", "first\nhalf");
    let mut source = following(&files, "a.log");
    assert_eq!(records(&mut source).await, ["first"]);
    files.write("a.log", "new\n");
    assert_eq!(records(&mut source).await, ["half", "new"]);
}

#[tokio::test]
async fn a_file_that_cannot_be_cut_is_taken_when_it_is_left_alone() {
    let files = Files::new();
    files.write("a.xml", "<a>");
    files.write("b.json", "[1,");
    files.write("c.log.gz", datalake_core::codec::Compression::Gzip.frame(1, &[Bytes::from("c\n")]).unwrap());
    files.write("d.xml", "<d/>");
    files.age("d.xml");
    let mut source = following(&files, "");
    assert_eq!(records(&mut source).await, ["<d/>"]);
    files.append("a.xml", "</a>");
    files.append("b.json", "2]");
    files.age("c.log.gz");
    assert_eq!(records(&mut source).await, ["c"]);
    files.age("a.xml");
    files.age("b.json");
    assert_eq!(records(&mut source).await, ["<a></a>", "1", "2"]);
    assert_eq!(records(&mut source).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_file_that_is_not_there_yet_is_waited_for() {
    let files = Files::new();
    let mut source = following(&files, "a.log");
    assert!(matches!(source.next_batch().await.unwrap(), Next::Idle(_)));
    files.write("a.log", "1\n");
    assert_eq!(records(&mut source).await, ["1"]);
}
