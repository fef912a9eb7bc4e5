use super::*;

#[tokio::test]
async fn growth_and_new_files_are_found_at_the_next_call() {
    let files = Files::new();
    files.write("a.log", "1\n2");
    let mut source = files.source("");
    assert_eq!(records(&mut source).await, ["1", "2"]);
    files.append("a.log", "b\n3\n");
    files.write("b.log", "4\n");
    assert_eq!(records(&mut source).await, ["b", "3", "4"]);
    assert_eq!(records(&mut source).await, Vec::<String>::new());
}

#[tokio::test]
async fn what_came_after_the_last_batch_was_read_ahead_is_given_at_once() {
    let files = Files::new();
    files.write("a.log", "1\n");
    let mut source = files.source("a.log");
    assert!(matches!(source.next_batch().await.unwrap(), Next::Batch(_)));
    tokio::time::timeout(Duration::from_secs(10), async {
        while !matches!(&source.hand, Hand::Busy { task, .. } if task.is_finished()) {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    files.append("a.log", "2\n");
    assert_eq!(records(&mut source).await, ["2"]);
}

#[tokio::test]
async fn a_position_outlives_rotation() {
    let files = Files::new();
    files.write("app.log", "1\n2\n");
    let mut source = files.source("app.log*");
    let (_, position) = drain(&mut source).await;
    files.append("app.log", "3\n");
    files.rename("app.log", "app.log.1");
    files.write("app.log", "4\n");
    let mut again = files.source("app.log*");
    again.seek(position.as_ref()).await.unwrap();
    let (found, position) = drain(&mut again).await;
    assert_eq!(told(&found), ["3", "4"]);
    files.rename("app.log.1", "app.log.2");
    files.rename("app.log", "app.log.1");
    files.append("app.log.1", "5\n");
    files.write("app.log", "6\n");
    let mut again = files.source("app.log*");
    again.seek(position.as_ref()).await.unwrap();
    assert_eq!(records(&mut again).await, ["5", "6"]);
}

#[tokio::test]
async fn a_file_renamed_out_of_the_pattern_is_read_to_its_end() {
    let files = Files::new();
    files.write("app.log", "1\n");
    let mut source = files.source("app.log");
    let (_, position) = drain(&mut source).await;
    files.append("app.log", "2\n");
    files.rename("app.log", "old-7");
    files.write("app.log", "3\n");
    for mut source in [source, files.source("app.log")] {
        source.seek(position.as_ref()).await.unwrap();
        let (found, position) = drain(&mut source).await;
        assert_eq!(told(&found), ["2", "3"]);
        source.seek(position.as_ref()).await.unwrap();
        assert_eq!(records(&mut source).await, Vec::<String>::new());
    }
}

#[tokio::test]
async fn an_emptied_replaced_or_rewritten_file_is_read_from_its_beginning() {
    let files = Files::new();
    files.write("a.log", "1\n2\n");
    let mut source = files.source("a.log");
    assert_eq!(records(&mut source).await, ["1", "2"]);
    files.write("a.log", "3\n");
    assert_eq!(records(&mut source).await, ["3"], "emptied");
    files.write("a.log", "4\n5\n6\n7\n");
    assert_eq!(records(&mut source).await, ["4", "5", "6", "7"], "emptied, and longer since");
    files.write("b.tmp", "4\n5\n6\n7\n");
    files.rename("b.tmp", "a.log");
    assert_eq!(records(&mut source).await, ["4", "5", "6", "7"], "replaced by one that looks the same");
    files.write("a.log", "");
    assert_eq!(records(&mut source).await, Vec::<String>::new());
    files.append("a.log", "8\n");
    assert_eq!(records(&mut source).await, ["8"]);
}

#[tokio::test]
async fn a_touched_file_is_not_read_again() {
    let files = Files::new();
    files.write("a.log", "1\n");
    files.write("b.xml", "<b/>");
    let mut source = files.source("");
    assert_eq!(records(&mut source).await.len(), 2);
    files.age("a.log");
    files.age("b.xml");
    assert_eq!(records(&mut source).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_file_changed_in_the_middle_is_read_again_though_it_is_as_long_as_before() {
    let files = Files::new();
    let text = |middle: &str| format!("{}\n{middle}\n{}\n", "a".repeat(3000), "z".repeat(3000));
    let document = |middle: &str| format!("<a>{}{middle}{}</a>", "a".repeat(3000), "z".repeat(3000));
    files.write("a.log", text("old"));
    files.write("b.xml", document("old"));
    let mut source = files.source("");
    let (found, position) = drain(&mut source).await;
    assert_eq!(told(&found).len(), 4);
    files.write("a.log", text("new"));
    files.write("b.xml", document("new"));
    files.age("a.log");
    files.age("b.xml");
    for mut source in [source, files.source("")] {
        source.seek(position.as_ref()).await.unwrap();
        let found = documents(&mut source).await;
        assert_eq!(told(&found)[1], "new");
        assert_eq!(told(&found)[3], document("new"));
        assert_eq!(records(&mut source).await, Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_checksum_goes_on_after_a_restart() {
    let files = Files::new();
    let long = "a".repeat(5000);
    files.write("a.log", format!("{long}\n"));
    let (_, position) = drain(&mut files.source("")).await;
    files.append("a.log", format!("{long}\n"));
    let mut again = files.source("");
    again.seek(position.as_ref()).await.unwrap();
    let (_, position) = drain(&mut again).await;
    files.age("a.log");
    again.seek(position.as_ref()).await.unwrap();
    assert_eq!(records(&mut again).await, Vec::<String>::new(), "touched");
    files.write("a.log", format!("{long}\n{}b{}\n", &long[..2500], &long[2501..]));
    again.seek(position.as_ref()).await.unwrap();
    assert_eq!(records(&mut again).await.len(), 2, "changed");
}

#[tokio::test]
async fn a_file_that_is_one_record_is_read_again_when_it_grows() {
    let files = Files::new();
    files.write("a.xml", "<a>");
    let mut source = files.source("");
    assert_eq!(records(&mut source).await, ["<a>"]);
    files.append("a.xml", "</a>");
    assert_eq!(records(&mut source).await, ["<a></a>"]);
}

#[tokio::test]
async fn a_grown_table_keeps_its_header_and_so_does_a_grown_compressed_file_its_offset() {
    let files = Files::new();
    let frame = |text: &str| {
        datalake_core::codec::Compression::Zstd.frame(1, &[Bytes::copy_from_slice(text.as_bytes())]).unwrap()
    };
    files.write("a.csv", "x\n1\n");
    files.write("b.csv.zst", frame("x\n1\n"));
    let mut source = files.source("");
    let (found, position) = drain(&mut source).await;
    assert_eq!(told(&found), [r#"{"x":"1"}"#, r#"{"x":"1"}"#]);
    files.append("a.csv", "2\n");
    files.append("b.csv.zst", frame("3\n"));
    let mut again = files.source("");
    again.seek(position.as_ref()).await.unwrap();
    let found = documents(&mut again).await;
    assert_eq!(told(&found), [r#"{"x":"2"}"#, r#"{"x":"3"}"#]);
    assert_eq!(found[1].offset(), 4);
}

#[tokio::test]
async fn a_file_that_is_gone_is_forgotten() {
    let files = Files::new();
    files.write("a.log", "1\n");
    let mut source = files.source("*.log");
    records(&mut source).await;
    fs::remove_file(files.path("a.log")).unwrap();
    files.write("b.log", "2\n");
    let (_, position) = drain(&mut source).await;
    assert!(position.unwrap().to_string().starts_with(r#"files.local/1 {"files":{"b.log":{"at":2,"#));
}

#[tokio::test]
async fn a_position_is_small_once_files_are_read() {
    let files = Files::new();
    for n in 0..100 {
        files.write(&format!("{n:03}.csv"), "x,y\n1,2\n");
    }
    let position = drain(&mut files.source("")).await.1.unwrap();
    assert!(position.to_string().len() < 100 * 130, "{position}");
}
