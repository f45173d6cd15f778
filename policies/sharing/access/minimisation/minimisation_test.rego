package sharing.access.minimisation_test

import data.sharing.access.fixture_test as fixture
import data.sharing.access.minimisation

bound := json.patch(fixture.request("verification", "health.health_code", ["colour", "resident_id"]), [
	{"op": "add", "path": "/query/datasets/0/lookup_values", "value": {"resident_id": 1}},
	{"op": "add", "path": "/query/datasets/0/columns/1/uses", "value": ["looked_up"]},
])

counted := json.patch(fixture.request("statistics", "population.resident", ["sex"]), [
	{"op": "add", "path": "/query/aggregate_only", "value": true},
	{"op": "add", "path": "/query/datasets/0/columns/0/uses", "value": ["grouped", "selected"]},
])

test_columns_of_the_purpose_are_established if {
	established(fixture.visit)
	denied(fixture.visit, set())
}

test_query_without_columns_is_established if established(fixture.request("visits", "population.resident", []))

test_treatment_is_the_purposes if {
	treatments := minimisation.treatments with input as fixture.visit with data.catalog as fixture.catalog
	treatments == {"population.resident": {
		"name": {"action": "clear", "mask": null},
		"resident_id": {"action": "partial", "mask": "resident_id"},
		"sex": {"action": "clear", "mask": null},
	}}
}

test_nothing_is_said_about_columns_when_the_purpose_is_not_open if {
	document := json.patch(fixture.request("visits", "population.resident", ["phone"]), [
		{"op": "add", "path": "/requester/roles", "value": ["auditor"]},
		{"op": "add", "path": "/query/unknown_names", "value": ["a.b", "c"]},
	])
	denied(document, set())
	not established(document)
}

test_column_that_the_purpose_does_not_name_is_not_available if {
	not_available(fixture.request("visits", "population.resident", ["name", "residence_division"]), {"population.resident.residence_division"})
}

test_denied_column_is_not_available if {
	not_available_with(
		fixture.visit, fixture.patched(fixture.catalog, ["purposes", "visits", "datasets", "population.resident", "columns", "sex", "action"], "deny"),
		{"population.resident.sex"},
	)
}

test_column_with_an_incomplete_treatment_is_not_available if {
	not_available_with(
		fixture.visit, fixture.without(fixture.catalog, ["purposes", "visits", "datasets", "population.resident", "columns", "sex", "action"]),
		{"population.resident.sex"},
	)
}

test_look_up_column_without_a_bound_is_not_available if {
	not_available_with(
		fixture.visit, fixture.patched(fixture.catalog, ["purposes", "visits", "datasets", "population.resident", "columns", "sex", "action"], "lookup"),
		{"population.resident.sex"},
	)
}

test_unknown_column_and_uncovered_column_read_alike if {
	uncovered := denials(fixture.request("visits", "population.resident", ["name", "residence_division"]))
	unknown := denials(fixture.patched(fixture.request("visits", "population.resident", ["name"]), ["query", "unknown_names"], ["population.resident.nonsense"]))
	json.unmarshal(replace(json.marshal(unknown), "nonsense", "residence_division")) == json.unmarshal(json.marshal(uncovered))
	count(unknown) == 1
}

test_unknown_column_and_uncovered_column_read_alike_in_a_join if {
	joined := fixture.patched(fixture.visit, ["query", "datasets", "1"], {"name": "health.health_code", "lookup_values": {}, "columns": []})
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

test_unknown_table_and_uncovered_table_read_alike if {
	uncovered := denials(fixture.request("visits", "health.health_code", ["colour"]))
	unknown := denials(json.patch(fixture.visit, [
		{"op": "add", "path": "/query/datasets", "value": []},
		{"op": "add", "path": "/query/unknown_names", "value": ["health.nothing"]},
	]))
	{denial.message.en | some denial in uncovered} == {"'health.health_code' is not available for the purpose 'visits'."}
	{denial.message.en | some denial in unknown} == {"'health.nothing' is not available for the purpose 'visits'."}
}

test_columns_of_an_unavailable_table_are_not_told if {
	not_available(
		json.patch(fixture.visit, [
			{"op": "add", "path": "/query/datasets/1", "value": {"name": "health.health_code", "lookup_values": {}, "columns": [{"name": "colour", "uses": ["selected"]}]}},
			{"op": "add", "path": "/query/unknown_names", "value": ["health.health_code.nonsense", "nonsense", "population.resident.nonsense"]},
		]),
		{"health.health_code"},
	)
}

test_dataset_that_is_not_shared_is_not_available if {
	not_available(fixture.request("visits", "secret.register", ["name"]), {"secret.register"})
	not_available_with(fixture.visit, fixture.without(fixture.catalog, ["datasets", "population.resident", "sharing_class"]), {"population.resident"})
}

test_remedy_names_purposes_of_the_requester_that_cover_the_name if {
	some column in denials(fixture.request("visits", "population.resident", ["phone"]))
	column.remedy.en == "If your work needs it, declare a purpose that covers it: inspection."
	some table in denials(fixture.request("visits", "health.health_code", ["colour"]))
	table.remedy.zh == "若工作需要，可申明覆盖它的用途：statistics、verification。"
}

test_remedy_names_no_purpose_of_other_offices if {
	closed := fixture.patched(fixture.catalog, ["purposes", "inspection", "office_kinds"], ["district"])
	some denial in minimisation.denials with input as fixture.request("visits", "population.resident", ["phone"])
		with data.catalog as closed
	startswith(denial.remedy.en, "Leave it out")
}

test_bound_look_up_is_established if {
	established(bound)
	established(fixture.patched(bound, ["query", "datasets", "0", "lookup_values", "resident_id"], 2))
	denied(bound, set())
}

test_too_many_keys_are_denied if {
	denied(fixture.patched(bound, ["query", "datasets", "0", "lookup_values", "resident_id"], 3), {"LOOKUP_TOO_MANY"})
	not established(fixture.patched(bound, ["query", "datasets", "0", "lookup_values", "resident_id"], 3))
}

test_key_that_is_not_bound_or_used_otherwise_is_denied if {
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

test_malformed_bound_is_denied if {
	every values_max in ["2", false] {
		not_available_with(
			bound, fixture.patched(fixture.catalog, ["purposes", "verification", "datasets", "health.health_code", "lookup_values_max"], values_max),
			{"health.health_code.resident_id"},
		)
	}
}

test_statistic_is_established if {
	established(counted)
	denied(counted, set())
}

test_query_for_rows_is_denied_where_only_statistics_are_offered if {
	rows_denied(fixture.patched(counted, ["query", "aggregate_only"], false), fixture.catalog)
}

test_group_by_a_column_that_singles_out_is_denied if {
	rows_denied(fixture.patched(counted, ["query", "datasets", "0", "columns", "0", "name"], "name"), fixture.catalog)
}

test_column_that_is_only_counted_need_not_be_groupable if {
	established(json.patch(counted, [
		{"op": "add", "path": "/query/datasets/0/columns/0/name", "value": "name"},
		{"op": "add", "path": "/query/datasets/0/columns/0/uses", "value": ["aggregated"]},
	]))
}

test_statistic_needs_the_key_of_the_people_it_counts if {
	rows_denied(fixture.patched(fixture.patched(counted, ["query", "datasets", "0", "name"], "health.health_code"), ["query", "datasets", "0", "columns", "0", "name"], "colour"), fixture.catalog)
	rows_denied(counted, fixture.without(fixture.catalog, ["datasets", "population.resident", "entity_key"]))
}

test_missing_rule_about_statistics_is_denied if {
	rows_denied(counted, fixture.without(fixture.catalog, ["purposes", "statistics", "aggregate_only"]))
	rows_denied(counted, fixture.without(fixture.catalog, ["datasets", "population.resident", "columns", "sex", "groupable"]))
	rows_denied(fixture.visit, fixture.without(fixture.catalog, ["purposes", "visits", "aggregate_only"]))
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

rows_denied(document, catalog) if {
	found := minimisation.denials with input as document with data.catalog as catalog
	fixture.codes(found) == {"STATISTICS_ONLY"}
	not minimisation.established with input as document with data.catalog as catalog
}
