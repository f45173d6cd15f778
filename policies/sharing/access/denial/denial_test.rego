package sharing.access.denial_test

import data.sharing.access.denial

test_names_are_filled_in_in_both_languages if {
	made := denial.make("NOT_AVAILABLE", "minimisation", ["a.b"], "DECLARE_COVERING", ["p", "q"]) with input.purpose as "visits"
	made.message == {"zh": "用途“visits”不提供“a.b”。", "en": "'a.b' is not available for the purpose 'visits'."}
	made.remedy.zh == "若工作需要，可申明覆盖它的用途：p、q。"
	made.remedy.en == "If your work needs it, declare a purpose that covers it: p, q."
}

test_every_rule_has_a_basis_and_every_text_both_languages if {
	every group in [data.messages.message, data.messages.remedy, data.messages.basis] {
		every text in group {
			object.keys(text) == {"zh", "en"}
			text.zh != ""
			text.en != ""
		}
	}
	object.keys(data.messages.basis) == {"clearance", "jurisdiction", "minimisation", "obligations", "purpose", "request"}
}

test_missing_text_makes_no_denial if {
	not denial.make("NO_SUCH_CODE", "purpose", [], "LEAVE_OUT", []) with input.purpose as "visits"
}
