run "rules_accounts_and_promotions_are_judged_as_by_the_functions" {
  command = plan

  module {
    source = "./tests/rules"
  }

  assert {
    condition     = length(output.wrong_verdicts) == 0
    error_message = join("\n", output.wrong_verdicts)
  }
}
