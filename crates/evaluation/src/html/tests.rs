use std::io::Read as _;

use flate2::read::ZlibDecoder;
use serde_json::Value;

use super::*;
use crate::fixtures::{header, results, task};

/// The JSON that a page shows at once.
fn data(html: &str) -> Value {
    let (_, rest) = html.split_once("id=\"data\">").unwrap();
    serde_json::from_str(rest.split_once("</script>").unwrap().0).unwrap()
}

fn page_of(results: &[ProblemResult], tasks: &[Task], n_stories: usize) -> String {
    let summary = Summary::new(header(), results);
    let page = Page::new(&summary, "3f9a", tasks, results);
    let mut html = Vec::new();
    let stories = (0..n_stories).map(|_| Ok::<_, io::Error>(None));
    page.write_file(&mut html, stories).unwrap();
    String::from_utf8(html).unwrap()
}

#[test]
fn a_page_holds_a_row_for_each_result_and_names_nothing_outside_itself() {
    let mut task = task("p/1");
    task.problem.difficulty = Some("900".to_string());
    task.problem.tags = vec!["dp".to_string()];
    let html = page_of(&results(), &[task], 0);
    let data = data(&html);
    assert_eq!(data["rows"].as_array().unwrap().len(), 8);
    assert_eq!(data["rows"][1][2], "900");
    assert_eq!(data["rows"][1][3], serde_json::json!(["dp"]));
    assert_eq!(data["summary"]["endings"]["solved"], 2);
    assert_eq!(data["served"], false);
    let outside = ["src=\"http", "href=\"http", "@import", "url(http", "//cdn"];
    assert!(!outside.iter().any(|mark| html.contains(mark)));
    assert!(html.trim_end().ends_with("</html>"));
}

#[test]
fn no_text_of_a_model_ends_the_script_it_stands_in() {
    let mut results = results();
    results[0].id = "</script><img src=x onerror=alert(1)>".to_string();
    let html = page_of(&results, &[], 0);
    assert!(!html.contains("<img"));
    assert_eq!(
        data(&html)["rows"][0][0],
        "</script><img src=x onerror=alert(1)>"
    );
}

#[test]
fn stories_are_packed_in_chunks_in_their_order() {
    let summary = Summary::new(header(), &[]);
    let page = Page::new(&summary, "3f9a", &[], &[]);
    let mut html = Vec::new();
    let story = |number: usize| Story::of_fault(format!("story {number}"));
    let stories = (0..150).map(|number| Ok::<_, io::Error>((number != 70).then(|| story(number))));
    page.write_file(&mut html, stories).unwrap();
    let html = String::from_utf8(html).unwrap();
    for (chunk, n_stories) in [(0, 64), (1, 64), (2, 22)] {
        let (_, rest) = html
            .split_once(&format!("data-chunk=\"{chunk}\">"))
            .unwrap();
        let packed = BASE64_STANDARD
            .decode(rest.split_once('<').unwrap().0)
            .unwrap();
        let mut json = String::new();
        ZlibDecoder::new(&packed[..])
            .read_to_string(&mut json)
            .unwrap();
        let stories: Vec<Value> = serde_json::from_str(&json).unwrap();
        assert_eq!(stories.len(), n_stories);
        for (at, story) in stories.iter().enumerate() {
            let number = chunk * CHUNK + at;
            match number {
                70 => assert!(story.is_null()),
                _ => assert_eq!(story["fault"], format!("story {number}")),
            }
        }
    }
    assert!(!html.contains("data-chunk=\"3\""));
}

#[test]
fn a_served_page_holds_no_stories() {
    let summary = Summary::new(header(), &[]);
    let html = Page::new(&summary, "3f9a", &[], &[]).served();
    assert_eq!(data(&html)["served"], true);
    assert!(!html.contains("data-chunk=\"0\""));
}
