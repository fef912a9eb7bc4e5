//! The macros that make a test of every case.

/// Makes a module with one test for each case of [`testkit::source`](crate::testkit::source).
///
/// `source_suite!(name, harness)`: the expression gives a [`SourceHarness`](crate::testkit::SourceHarness) on a fresh
/// silo, may use `.await`, and is evaluated in each test.
#[macro_export]
macro_rules! source_suite {
    ($name:ident, $harness:expr $(,)?) => {
        $crate::__source_cases! { __suite, source, $name, $harness }
    };
}

/// Makes a module with one test for each case of [`testkit::sink`](crate::testkit::sink).
///
/// `sink_suite!(name, harness)`: the expression gives a [`SinkHarness`](crate::testkit::SinkHarness) with nothing
/// written yet, may use `.await`, and is evaluated in each test.
#[macro_export]
macro_rules! sink_suite {
    ($name:ident, $harness:expr $(,)?) => {
        $crate::__sink_cases! { __suite, sink, $name, $harness }
    };
}

/// Makes a module with one test for each case of [`testkit::store`](crate::testkit::store).
///
/// `store_suite!(name, harness)`: the expression gives an empty store that can be cloned, or a
/// [`StoreHarness`](crate::testkit::StoreHarness), may use `.await`, and is evaluated in each test.
///
/// ```
/// use datalake_core::store::MemoryStore;
///
/// datalake_core::store_suite!(in_memory, MemoryStore::new());
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! store_suite {
    ($name:ident, $harness:expr $(,)?) => {
        $crate::__store_cases! { __suite, store, $name, $harness }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __suite {
    (($kind:ident, $name:ident, $harness:expr) [$($case:ident)*]) => {
        mod $name {
            #[allow(unused_imports)]
            use super::*;
            $(
                #[test]
                fn $case() {
                    $crate::testkit::__private::run(stringify!($case), async {
                        let harness = $harness;
                        $crate::testkit::$kind::$case(&harness).await
                    });
                }
            )*
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __table {
    (($case_type:ty) [$($case:ident)*]) => {
        &[$((stringify!($case), (|harness| Box::pin($case(harness))) as $case_type)),*]
    };
}
