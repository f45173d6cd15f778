package sharing.access.agreement_test

import data.sharing.access.agreement
import data.sharing.access.fixture_test as fixture

none := fixture.patched(fixture.visit, ["context", "agreements"], [])

two := fixture.patched(fixture.visit, ["context", "agreements"], [fixture.patched(fixture.agreement, ["id"], "b"), fixture.patched(fixture.agreement, ["id"], "a")])

test_allows_a_dataset_with_an_agreement_in_force if {
	established(fixture.visit, fixture.catalog)
	count(agreement.denials) == 0 with input as fixture.visit with data.catalog as fixture.catalog
	agreement.ids == ["a1"] with input as fixture.visit with data.catalog as fixture.catalog
}

test_allows_what_is_shared_without_condition_and_rests_on_nothing if {
	established(fixture.look_up, fixture.catalog)
	agreement.ids == [] with input as fixture.look_up with data.catalog as fixture.catalog
}

test_allows_with_every_agreement_that_covers_named if {
	agreement.ids == ["a", "b"] with input as two with data.catalog as fixture.catalog
}

test_denies_without_an_agreement_and_names_whom_to_ask if {
	denied(none, fixture.catalog)
	some denial in agreement.denials with input as none with data.catalog as fixture.catalog
	denial.remedy.en == "File a data need to Public Security for 'population.resident' and the purpose 'visits'; you may query once it is accepted."
	denial.remedy.zh == "请向公安局提出“population.resident”用于“visits”的数据需求；同意后即可查询。"
}

test_denies_an_agreement_about_something_else if {
	others := [
		["controller", "health"],
		["recipient", "310104"],
		["recipient", "310101002001"],
		["recipient", ""],
		["office", "310101003"],
		["datasets", ["health.health_code"]],
		["columns", ["population.resident.phone"]],
		["purposes", ["inspection"]],
		["valid_from", 2001],
		["valid_until", 2000],
	]
	every other in others {
		denied(with_agreement(fixture.patched(fixture.agreement, [other[0]], other[1])), fixture.catalog)
	}
}

test_allows_what_an_agreement_with_this_office_names if {
	own := fixture.patched(fixture.agreement, ["office"], "310101002")
	named := ["population.resident.name", "population.resident.phone", "population.resident.resident_id", "population.resident.sex"]
	established(with_agreement(fixture.patched(own, ["columns"], named)), fixture.catalog)
}

test_denies_a_column_that_the_agreement_does_not_name if {
	fewer := ["population.resident.name", "population.resident.sex", "health.health_code.resident_id"]
	denied(with_agreement(fixture.patched(fixture.agreement, ["columns"], fewer)), fixture.catalog)
}

test_denies_one_of_two_datasets_without_an_agreement if {
	conditional := fixture.patched(fixture.catalog, ["datasets", "health.health_code", "sharing_class"], "conditional")
	joined := fixture.patched(
		fixture.patched(fixture.request("inspection", "population.resident", ["phone"]), ["case"], "FS-0001"),
		["query", "datasets", "1"], fixture.request("inspection", "health.health_code", []).query.datasets[0],
	)
	denied(joined, conditional)
	agreement.ids == ["a1"] with input as joined with data.catalog as conditional
}

test_denies_on_a_stopped_agreement_and_says_so if {
	stopped := with_stop(fixture.visit, "a1")
	not established(stopped, fixture.catalog)
	fixture.codes(agreement.denials) == {"AGREEMENT_STOPPED"} with input as stopped with data.catalog as fixture.catalog
	agreement.ids == [] with input as stopped with data.catalog as fixture.catalog
}

test_allows_while_another_agreement_covers_what_a_stopped_one_did if {
	established(with_stop(two, "a"), fixture.catalog)
	agreement.ids == ["b"] with input as with_stop(two, "a") with data.catalog as fixture.catalog
	established(with_stop(fixture.visit, "a2"), fixture.catalog)
}

test_says_nothing_while_a_name_is_not_available if {
	unavailable := fixture.patched(none, ["query", "unknown_names"], ["x"])
	not established(unavailable, fixture.catalog)
	count(agreement.denials) == 0 with input as unavailable with data.catalog as fixture.catalog
}

test_missing_or_malformed_part_of_an_agreement_is_denied if {
	every name in object.keys(fixture.agreement) {
		denied(with_agreement(fixture.without(fixture.agreement, [name])), fixture.catalog)
	}
	every change in [["id", 7], ["recipient", 31], ["datasets", "population.resident"], ["purposes", "visits"], ["valid_from", "0"], ["valid_until", null]] {
		denied(with_agreement(fixture.patched(fixture.agreement, [change[0]], change[1])), fixture.catalog)
	}
	not established(fixture.without(fixture.visit, ["context", "agreements"]), fixture.catalog)
}

test_missing_controller_or_title_is_denied if {
	unowned := fixture.without(fixture.catalog, ["datasets", "population.resident", "controller"])
	denied(fixture.visit, unowned)
	some denial in agreement.denials with input as fixture.visit with data.catalog as unowned
	startswith(denial.remedy.en, "Ask the gateway's administrator")
	denied(none, fixture.without(fixture.catalog, ["departments"]))
}

test_missing_sharing_class_is_denied if {
	not established(fixture.look_up, fixture.without(fixture.catalog, ["datasets", "health.health_code", "sharing_class"]))
}

with_stop(document, id) := fixture.patched(document, ["context", "stops"], [{"kind": "agreement", "controller": "police", "target": id}])

with_agreement(agreed) := fixture.patched(fixture.visit, ["context", "agreements"], [agreed])

established(document, catalog) if agreement.established with input as document with data.catalog as catalog

denied(document, catalog) if {
	fixture.codes(agreement.denials) == {"AGREEMENT_MISSING"} with input as document with data.catalog as catalog
	not established(document, catalog)
}
