package sharing.access.consent_test

import data.sharing.access.consent
import data.sharing.access.fixture_test as fixture

consenting := json.patch(fixture.catalog, [
	{"op": "add", "path": "/purposes/verification/lawful_ground", "value": "consent"},
	{"op": "add", "path": "/purposes/verification/consent_required", "value": true},
])

asked := json.patch(fixture.look_up, [
	{"op": "add", "path": "/query/datasets/0/lookup_values/resident_id", "value": 2},
	{"op": "add", "path": "/query/datasets/0/consents", "value": 2},
])

test_allows_people_who_have_all_consented if {
	established(asked, consenting)
	count(consent.denials) == 0 with input as asked with data.catalog as consenting
}

test_allows_other_grounds_without_any_consent if established(fixture.look_up, fixture.catalog)

test_denies_when_one_person_has_not_consented if {
	one := fixture.patched(asked, ["query", "datasets", "0", "consents"], 1)
	denied(one, consenting, "Ask the person first, record the consent, then query.")
}

test_denies_a_statutory_purpose_that_asks_for_consent if {
	contradictory := fixture.patched(consenting, ["purposes", "verification", "lawful_ground"], "statutory_duty")
	denied(asked, contradictory, "Ask the gateway's administrator to check how the purpose and its datasets are registered.")
}

test_denies_a_purpose_on_consent_that_does_not_ask if {
	contradictory := fixture.patched(consenting, ["purposes", "verification", "consent_required"], false)
	denied(asked, contradictory, "Ask the gateway's administrator to check how the purpose and its datasets are registered.")
}

test_denies_browsing_on_consent if {
	not established(fixture.patched(asked, ["query", "datasets", "0", "lookup_values"], {}), consenting)
}

test_says_nothing_while_a_name_is_not_available if {
	unavailable := json.patch(asked, [
		{"op": "add", "path": "/query/unknown_names", "value": ["x"]},
		{"op": "add", "path": "/query/datasets/0/consents", "value": 0},
	])
	not established(unavailable, consenting)
	count(consent.denials) == 0 with input as unavailable with data.catalog as consenting
}

test_missing_consents_or_ground_is_denied if {
	not established(fixture.without(asked, ["query", "datasets", "0", "consents"]), consenting)
	not established(fixture.patched(asked, ["query", "datasets", "0", "consents"], "2"), consenting)
	every name in ["lawful_ground", "consent_required"] {
		not established(asked, fixture.without(consenting, ["purposes", "verification", name]))
		not established(fixture.look_up, fixture.without(fixture.catalog, ["purposes", "verification", name]))
	}
}

established(document, catalog) if consent.established with input as document with data.catalog as catalog

denied(document, catalog, remedy) if {
	found := consent.denials with input as document with data.catalog as catalog
	{[denial.code, denial.remedy.en] | some denial in found} == {["CONSENT_MISSING", remedy]}
	not established(document, catalog)
}
