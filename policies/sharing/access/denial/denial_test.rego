package sharing.access.denial_test

import data.sharing.access.denial

test_names_are_filled_in_in_both_languages if {
	made := denial.make("NOT_AVAILABLE", "minimisation", ["a.b"], "DECLARE_COVERING", ["p", "q"]) with input.purpose as "visits"
	made.message == {"zh": "用途“visits”不提供“a.b”。", "en": "'a.b' is not available for the purpose 'visits'."}
	made.remedy.zh == "若确属该项工作，可改用用途：p、q。"
	made.remedy.en == "If that is your task, declare a purpose that covers it: p, q."
}

test_title_is_filled_in_in_the_language_of_the_text if {
	made := denial.make("COMBINATION_FORBIDDEN", "minimisation", [], "ASK_DEPARTMENT", ["a.b"]) with input.purpose as "visits"
	titled := denial.titled(made, {"zh": "卫健委", "en": "Health"})
	titled.message == {"zh": "该查询把不得汇集的信息放在一起：卫健委。", "en": "The query brings together what must stay apart: Health."}
	titled.remedy.en == "File a data need to Health for 'a.b' and the purpose 'visits'; you may query once it is accepted."
	titled.legal_basis == made.legal_basis
}

test_every_rule_has_a_basis_and_every_text_both_languages if {
	every group in [data.messages.message, data.messages.remedy, data.messages.basis, data.messages.title] {
		every text in group {
			object.keys(text) == {"zh", "en"}
			text.zh != ""
			text.en != ""
		}
	}
	object.keys(data.messages.title) == object.keys(data.messages.basis)
	object.keys(data.messages.basis) == {"agreement", "clearance", "consent", "emergency", "jurisdiction", "minimisation", "obligations", "purpose", "quota", "request", "statistics", "stop"}
}

test_missing_text_makes_no_denial if {
	not denial.make("NO_SUCH_CODE", "purpose", [], "LEAVE_OUT", []) with input.purpose as "visits"
}
