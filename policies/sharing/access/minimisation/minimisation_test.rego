package sharing.access.minimisation_test

import data.sharing.access.fixture_test as fixture
import data.sharing.access.minimisation

bound := fixture.look_up

test_allows_columns_of_the_purpose if {
	established(fixture.visit)
	denied(fixture.visit, set())
}

test_allows_a_query_without_columns if established(fixture.request("visits", "population.resident", []))

test_allows_each_column_in_the_form_that_the_purpose_names if {
	treatments := minimisation.treatments with input as fixture.visit with data.catalog as fixture.catalog
	treatments == {"population.resident": {
		"name": {"action": "clear", "mask": null},
		"resident_id": {"action": "partial", "mask": "resident_id"},
		"sex": {"action": "clear", "mask": null},
	}}
}

test_says_nothing_about_columns_when_the_purpose_is_not_open if {
	document := json.patch(fixture.request("visits", "population.resident", ["phone"]), [
		{"op": "add", "path": "/requester/roles", "value": ["auditor"]},
		{"op": "add", "path": "/query/unknown_names", "value": ["a.b", "c"]},
	])
	denied(document, set())
	not established(document)
}

test_denies_a_column_that_the_purpose_does_not_name if {
	not_available(fixture.request("visits", "population.resident", ["name", "residence_division"]), {"population.resident.residence_division"})
}

test_denies_a_column_that_the_purpose_denies if {
	not_available_with(
		fixture.visit, fixture.patched(fixture.catalog, ["purposes", "visits", "datasets", "population.resident", "columns", "sex", "action"], "deny"),
		{"population.resident.sex"},
	)
}

test_missing_action_of_a_column_is_denied if {
	not_available_with(
		fixture.visit, fixture.without(fixture.catalog, ["purposes", "visits", "datasets", "population.resident", "columns", "sex", "action"]),
		{"population.resident.sex"},
	)
}

test_missing_bound_of_a_look_up_is_denied if {
	not_available_with(
		fixture.visit, fixture.patched(fixture.catalog, ["purposes", "visits", "datasets", "population.resident", "columns", "sex", "action"], "lookup"),
		{"population.resident.sex"},
	)
}

test_denies_an_unknown_column_like_an_uncovered_one if {
	uncovered := denials(fixture.request("visits", "population.resident", ["name", "residence_division"]))
	unknown := denials(fixture.patched(fixture.request("visits", "population.resident", ["name"]), ["query", "unknown_names"], ["population.resident.nonsense"]))
	json.unmarshal(replace(json.marshal(unknown), "nonsense", "residence_division")) == json.unmarshal(json.marshal(uncovered))
	count(unknown) == 1
}

test_denies_an_unknown_column_like_an_uncovered_one_in_a_join if {
	joined := fixture.patched(fixture.visit, ["query", "datasets", "1"], {"name": "health.health_code", "lookup_values": {}, "consents": 0, "columns": []})
	both := fixture.patched(fixture.catalog, ["purposes", "visits", "datasets", "health.health_code"], fixture.catalog.purposes.verification.datasets["health.health_code"])
	uncovered := minimisation.denials with input as fixture.patched(joined, ["query", "datasets", "0", "columns", "0", "name"], "residence_division")
		with data.catalog as both
	unknown := minimisation.denials with input as json.patch(joined, [
		{"op": "remove", "path": "/query/datasets/0/columns/0"},
		{"op": "add", "path": "/query/unknown_names", "value": ["nonsense"]},
	])
		with data.catalog as both
	json.unmarshal(replace(json.marshal(unknown), "nonsense", "residence_division")) == json.unmarshal(json.marshal(uncovered))
	count(unknown) == 1
}

test_denies_an_unknown_table_like_an_uncovered_one if {
	uncovered := denials(fixture.request("visits", "health.health_code", ["colour"]))
	unknown := denials(json.patch(fixture.visit, [
		{"op": "add", "path": "/query/datasets", "value": []},
		{"op": "add", "path": "/query/unknown_names", "value": ["health.nothing"]},
	]))
	{denial.message.en | some denial in uncovered} == {"'health.health_code' is not available for the purpose 'visits'."}
	{denial.message.en | some denial in unknown} == {"'health.nothing' is not available for the purpose 'visits'."}
}

test_denies_a_table_without_telling_its_columns if {
	not_available(
		json.patch(fixture.visit, [
			{"op": "add", "path": "/query/datasets/1", "value": {"name": "health.health_code", "lookup_values": {}, "consents": 0, "columns": [{"name": "colour", "uses": ["selected"]}]}},
			{"op": "add", "path": "/query/unknown_names", "value": ["health.health_code.nonsense", "nonsense", "population.resident.nonsense"]},
		]),
		{"health.health_code"},
	)
}

test_denies_a_dataset_that_is_not_shared if {
	not_available(fixture.request("visits", "secret.register", ["name"]), {"secret.register"})
	not_available_with(fixture.visit, fixture.without(fixture.catalog, ["datasets", "population.resident", "sharing_class"]), {"population.resident"})
}

test_remedy_names_purposes_of_the_requester_that_cover_the_name if {
	some column in denials(fixture.request("visits", "population.resident", ["phone"]))
	column.remedy.en == "If that is your task, declare a purpose that covers it: inspection."
	some table in denials(fixture.request("visits", "health.health_code", ["colour"]))
	table.remedy.zh == "若确属该项工作，可改用用途：inspection、statistics、verification。"
}

test_remedy_names_no_purpose_of_other_offices if {
	closed := fixture.patched(fixture.catalog, ["purposes", "inspection", "office_kinds"], ["district"])
	some denial in minimisation.denials with input as fixture.request("visits", "population.resident", ["phone"])
		with data.catalog as closed
	startswith(denial.remedy.en, "Leave it out")
}

test_allows_a_bound_look_up if {
	established(bound)
	established(fixture.patched(bound, ["query", "datasets", "0", "lookup_values", "resident_id"], 2))
	denied(bound, set())
}

test_denies_too_many_keys if {
	denied(fixture.patched(bound, ["query", "datasets", "0", "lookup_values", "resident_id"], 3), {"LOOKUP_TOO_MANY"})
	not established(fixture.patched(bound, ["query", "datasets", "0", "lookup_values", "resident_id"], 3))
}

test_denies_a_key_that_is_not_bound_or_used_otherwise if {
	others := [
		[["lookup_values"], {}],
		[["lookup_values", "resident_id"], 0],
		[["lookup_values", "resident_id"], "1"],
		[["columns", "1", "uses"], ["looked_up", "selected"]],
		[["columns", "1", "uses"], ["filtered"]],
		[["columns"], [{"name": "colour", "uses": ["selected"]}]],
	]
	every change in others {
		browsing(fixture.patched(bound, array.concat(["query", "datasets", "0"], change[0]), change[1]))
	}
}

test_denies_a_malformed_bound if {
	every values_max in ["2", false] {
		not_available_with(
			bound, fixture.patched(fixture.catalog, ["purposes", "verification", "datasets", "health.health_code", "lookup_values_max"], values_max),
			{"health.health_code.resident_id"},
		)
	}
}

established(document) if minimisation.established with input as document with data.catalog as fixture.catalog

denials(document) := found if {
	found := minimisation.denials with input as document with data.catalog as fixture.catalog
}

denied(document, codes) if codes == fixture.codes(denials(document))

not_available(document, names) if not_available_with(document, fixture.catalog, names)

not_available_with(document, catalog, names) if {
	found := minimisation.denials with input as document with data.catalog as catalog
	fixture.codes(found) == {"NOT_AVAILABLE"}
	{denial.message.en | some denial in found} == {text |
		some name in names
		text := sprintf("'%s' is not available for the purpose '%s'.", [name, document.purpose])
	}
	not minimisation.established with input as document with data.catalog as catalog
}

browsing(document) if {
	denied(document, {"LOOKUP_ONLY"})
	not established(document)
}
