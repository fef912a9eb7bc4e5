use datalake_core::{ErrorKind, Secrets};

use super::*;

async fn refused(headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> (u16, String) {
    let lake = Lake::on(builder().anybody().max_body(100_000).max_depth(8)).await;
    let answer = lake.post(headers, body).await;
    assert_eq!(lake.documents().len(), 0);
    (answer.status, answer.body)
}

#[tokio::test]
async fn no_entity_is_expanded_and_no_document_type_read() {
    let laughs = "<!DOCTYPE O [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;\">]>";
    let body = package([1]).replace("<ORDERS05>", &format!("{laughs}<ORDERS05>")).replace("12.50-", "&b;");
    assert_eq!(refused(&[XML], &body).await.0, 400);
    let file = "<!DOCTYPE O [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>";
    assert_eq!(refused(&[XML], file.to_owned() + &package([1])).await.0, 400);
    let (status, reason) = refused(&[XML], package([1]).replace("12.50-", "&nbsp;")).await;
    assert_eq!(status, 400);
    assert!(reason.contains("entity of its own"), "{reason}");
}

#[tokio::test]
async fn depth_and_size_are_bounded() {
    let deep = package([1]).replace("12.50-", &("<x>".repeat(9) + &"</x>".repeat(9)));
    let (status, reason) = refused(&[XML], deep).await;
    assert!(status == 400 && reason.contains("too deeply"), "{status} {reason}");
    let empty = package([1]).replace("12.50-", "<a><b><c><d/></c></b></a>");
    assert_eq!(refused(&[XML], empty).await.0, 400);
    let long = package([1]).replace("12.50-", &"x".repeat(100_000));
    assert_eq!(refused(&[XML], long).await.0, 413);
}

#[tokio::test]
async fn what_is_no_package_of_idocs_is_refused_and_stays_in_the_system() {
    for (body, why) in [
        ("", "no IDoc"),
        ("<ORDERS05/>", "no IDoc"),
        ("{\"a\":1}", "well-formed"),
        ("<ORDERS05><IDOC></ORDERS05>", "well-formed"),
        ("<ORDERS05><IDOC/></ORDERS05><ORDERS05/>", "well-formed"),
        ("<ORDERS05><IDOC/>", "well-formed"),
        ("<ORDERS05><IDOC a=1></IDOC></ORDERS05>", "well-formed"),
    ] {
        let (status, reason) = refused(&[XML], body).await;
        assert!(status == 400 && reason.contains(why), "{body}: {status} {reason}");
    }
}

#[tokio::test]
async fn another_encoding_or_content_is_refused() {
    let latin = package([1]).replace("utf-8", "iso-8859-1");
    assert_eq!(refused(&[XML], latin).await.0, 415);
    assert_eq!(refused(&[XML], b"<O><IDOC>\xfc</IDOC></O>").await.0, 415);
    assert_eq!(refused(&[("content-type", "text/xml; charset=ISO-8859-1")], package([1])).await.0, 415);
    assert_eq!(refused(&[("content-type", "application/json")], package([1])).await.0, 415);
    let (status, reason) = refused(&[XML, ("content-encoding", "br")], package([1])).await;
    assert!(status == 415 && reason.contains("content encoding"), "{reason}");
}

#[tokio::test]
async fn a_user_needs_the_right_password() {
    let lake = Lake::on(builder().user("SAP", "secret").user("SAP", "next")).await;
    for (password, status) in [("secret", 200), ("next", 200), ("secre", 401), ("", 401)] {
        let given = basic("SAP", password);
        let answer = lake.post(&[XML, ("authorization", &given)], package([1])).await;
        assert_eq!(answer.status, status, "{password}");
    }
    let answer = lake.post(&[XML], package([1])).await;
    assert_eq!(answer.status, 401);
    assert!(answer.head.contains("www-authenticate: basic"), "{answer:?}");
    let other = basic("OTHER", "secret");
    assert_eq!(lake.post(&[XML, ("authorization", &other)], package([1])).await.status, 401);
}

#[tokio::test]
async fn a_password_that_was_replaced_is_looked_up_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    let set = |password: &str| std::fs::write(&file, password).unwrap();
    set("old");
    let password = Secrets::new().credential(&format!("file:{}", file.display())).unwrap();
    let lake = Lake::on(builder().user("SAP", password)).await;
    let answer = async |password: &str| {
        let given = basic("SAP", password);
        lake.post(&[XML, ("authorization", &given)], package([1])).await.status
    };
    assert_eq!(answer("old").await, 200);
    set("new");
    assert_eq!(answer("new").await, 200);
    assert_eq!(answer("old").await, 200, "a sender may be slower to change");
    set("newest");
    assert_eq!(answer("newest").await, 401, "it was looked up a moment ago");
}

#[tokio::test]
async fn settings_that_do_not_go_together_are_refused() {
    for wrong in [
        builder(),
        builder().anybody().user("SAP", "secret"),
        builder().user("S:P", "secret"),
        builder().user("SAP", ""),
        builder().anybody().max_depth(1),
        builder().anybody().path("idocs"),
        builder().anybody().health("/idocs"),
        builder().anybody().queue(0),
    ] {
        assert_eq!(wrong.build().await.unwrap_err().kind(), ErrorKind::ConfigInvalid);
    }
}
