package sharing.access_test

import data.sharing.access
import data.sharing.access.fixture_test as fixture

rules := ["agreement", "clearance", "consent", "emergency", "jurisdiction", "minimisation", "obligations", "purpose", "quota", "request", "statistics", "stop"]

test_allows_a_visit_with_treatments_filter_and_obligations if {
	decision(fixture.visit) == {
		"allow": true,
		"datasets": {"population.resident": {
			"columns": {
				"name": {"action": "clear", "mask": null},
				"resident_id": {"action": "partial", "mask": "resident_id"},
				"sex": {"action": "clear", "mask": null},
			},
			"row_filter": {"op": "prefix", "column": "residence_division", "values": ["310101002"]},
			"lookup_values_max": null,
		}},
		"people_min": null,
		"obligations": {
			"rows_max": 100,
			"rows_per_day_max": 500,
			"lookups_per_day_max": null,
			"retention_days": 30,
			"onward_sharing": false,
			"grade": "general-2",
			"agreements": ["a1"],
			"emergency": null,
		},
		"denials": [],
		"determined_by": rules,
	}
}

test_denies_with_the_treatments_and_says_which_column_is_denied if {
	decided := decision(fixture.patched(fixture.visit, ["requester", "clearance"], "general-1"))
	decided.allow == false
	decided.obligations == null
	decided.people_min == null
	decided.determined_by == ["clearance"]
	decided.datasets["population.resident"].row_filter == null
	decided.datasets["population.resident"].columns == {
		"name": {"action": "deny", "mask": null},
		"resident_id": {"action": "deny", "mask": null},
		"sex": {"action": "clear", "mask": null},
	}
}

test_denies_an_unavailable_name_without_any_dataset_in_the_answer if {
	decided := decision(fixture.request("visits", "population.resident", ["name", "phone"]))
	decided.datasets == {}
	[denial.code | some denial in decided.denials] == ["NOT_AVAILABLE"]
}

test_denies_in_a_fixed_order if {
	decided := decision(json.patch(fixture.request("inspection", "population.resident", ["sex", "resident_id"]), [{"op": "add", "path": "/case", "value": "x"}]))
	[[denial.code, denial.rule] | some denial in decided.denials] == [["CASE_INVALID", "purpose"], ["NOT_AVAILABLE", "minimisation"], ["NOT_AVAILABLE", "minimisation"]]
	decided.denials[1].message.en < decided.denials[2].message.en
	decided.determined_by == ["minimisation", "purpose"]
}

test_allows_a_statistic_with_its_smallest_group if {
	decided := decision(fixture.statistic)
	decided.allow
	decided.people_min == 10
}

test_allows_a_look_up_with_its_bound if {
	decided := decision(fixture.look_up)
	decided.allow
	decided.datasets["health.health_code"].lookup_values_max == 2
	decided.datasets["health.health_code"].columns.resident_id.action == "lookup"
}

test_missing_attribute_is_denied_whichever_it_is if {
	paths := {path |
		[path, _] := walk(fixture.visit)
		count(path) > 0
		not path in dispensable
	}
	count(paths) > 45
	every path in paths {
		denied(fixture.without(fixture.visit, path))
	}
}

# A query without one of its columns is a complete query, and an agreement may cover other purposes or not.
dispensable := {["query", "datasets", 0, "columns", i] | some i in [0, 1, 2]} | {["context", "agreements", 0, "purposes", i] | some i in [0, 1, 2]}

test_missing_input_is_denied if {
	decision({}).allow == false
	decision(null).allow == false
}

test_missing_data_is_denied if {
	not access.allow with input as fixture.visit with data.catalog as {}
}

denied(document) if {
	decided := decision(document)
	decided.allow == false
	count(decided.denials) > 0
}

decision(document) := decided if {
	decided := access.decision with input as document with data.catalog as fixture.catalog
}
