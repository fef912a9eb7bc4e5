use super::*;

#[tokio::test]
async fn a_file_waits_for_its_marker_and_markers_are_not_read() {
    for marker in ["orders.csv.done", "orders.done"] {
        let files = Files::new();
        let mut source = files.builder("").finished(Finished::Marker(".done".into())).build().unwrap();
        files.write("orders.csv", "x\n1\n");
        files.write("other.csv", "x\n9\n");
        assert_eq!(records(&mut source).await, Vec::<String>::new());
        files.append("orders.csv", "2\n");
        files.write(marker, "done");
        assert_eq!(records(&mut source).await, [r#"{"x":"1"}"#, r#"{"x":"2"}"#]);
        assert_eq!(records(&mut source).await, Vec::<String>::new());
    }
}

#[tokio::test]
async fn one_marker_finishes_all_files_of_its_directory() {
    let files = Files::new();
    let finished = Finished::Marker("_SUCCESS".into());
    let mut source = files.builder("**/*.log").finished(finished).build().unwrap();
    for name in ["a/1.log", "a/2.log", "b/3.log"] {
        files.write(name, name);
    }
    files.write("a/_SUCCESS", "");
    assert_eq!(records(&mut source).await, ["a/1.log", "a/2.log"]);
    files.write("b/_SUCCESS", "");
    assert_eq!(records(&mut source).await, ["b/3.log"]);
}

#[tokio::test]
async fn a_file_that_is_still_written_to_is_not_taken_before_it_is_left_alone() {
    let files = Files::new();
    let quiet = Finished::Quiet(Duration::from_secs(30));
    let mut source = files.builder("*.csv").finished(quiet).build().unwrap();
    files.write("a.csv", "x\n1\n");
    files.write("b.csv", "x\n2\n");
    files.age("b.csv");
    assert_eq!(records(&mut source).await, [r#"{"x":"2"}"#]);
    files.append("a.csv", "3\n");
    assert_eq!(records(&mut source).await, Vec::<String>::new());
    files.age("a.csv");
    assert_eq!(records(&mut source).await, [r#"{"x":"1"}"#, r#"{"x":"3"}"#]);
}

#[test]
fn a_marker_that_is_no_name_is_refused() {
    for marker in ["", ".", "..", "a/b", "a\\b"] {
        let built = builder(Path::new("a")).finished(Finished::Marker(marker.into())).build();
        assert_eq!(built.unwrap_err().kind(), datalake_core::ErrorKind::ConfigInvalid, "{marker:?}");
    }
}
