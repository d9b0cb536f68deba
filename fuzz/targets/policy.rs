//! Policy files: any text is a policy or a list of mistakes; each can be shown.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wirewitness::judge::policy::{Known, Policy};
use wirewitness_fuzz::audit::protocols;

fuzz_target!(|text: &str| {
    let protocols = protocols();
    let known = Known { protocols: &protocols };
    let load = |text: &str| Policy::load(&["./policy.toml".to_owned()], &known, &|_| Ok(text.to_owned()));
    match load(text) {
        Ok(policy) => assert!(!policy.show().is_empty()),
        Err(errors) => assert!(!errors.to_string().is_empty() && !errors.mistakes().is_empty()),
    }
});
