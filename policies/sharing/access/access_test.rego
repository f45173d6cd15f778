package sharing.access_test

import data.sharing.access
import data.sharing.access.fixture_test as fixture

rules := ["clearance", "jurisdiction", "minimisation", "obligations", "purpose", "request"]

test_visit_is_allowed_with_treatments_filter_and_obligations if {
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
		"obligations": {"rows_max": 100, "retention_days": 30, "onward_sharing": false},
		"denials": [],
		"determined_by": rules,
	}
}

test_denial_keeps_the_treatments_and_says_which_column_is_denied if {
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

test_unavailable_name_leaves_no_dataset_in_the_answer if {
	decided := decision(fixture.request("visits", "population.resident", ["name", "phone"]))
	decided.datasets == {}
	[denial.code | some denial in decided.denials] == ["NOT_AVAILABLE"]
}

test_denials_are_sorted if {
	decided := decision(json.patch(fixture.request("inspection", "population.resident", ["sex", "resident_id"]), [{"op": "add", "path": "/case", "value": "x"}]))
	[[denial.code, denial.rule] | some denial in decided.denials] == [["CASE_INVALID", "purpose"], ["NOT_AVAILABLE", "minimisation"], ["NOT_AVAILABLE", "minimisation"]]
	decided.denials[1].message.en < decided.denials[2].message.en
	decided.determined_by == ["minimisation", "purpose"]
}

test_statistic_carries_its_smallest_group if {
	decided := decision(fixture.patched(fixture.request("statistics", "population.resident", ["sex"]), ["query", "aggregate_only"], true))
	decided.allow
	decided.people_min == 10
}

test_look_up_carries_its_bound if {
	decided := decision(json.patch(fixture.request("verification", "health.health_code", ["colour", "resident_id"]), [
		{"op": "add", "path": "/query/datasets/0/lookup_values", "value": {"resident_id": 1}},
		{"op": "add", "path": "/query/datasets/0/columns/1/uses", "value": ["looked_up"]},
	]))
	decided.allow
	decided.datasets["health.health_code"].lookup_values_max == 2
	decided.datasets["health.health_code"].columns.resident_id.action == "lookup"
}

test_no_attribute_may_be_missing if {
	paths := {path |
		[path, _] := walk(fixture.visit)
		count(path) > 0
		not path in columns
	}
	count(paths) > 25
	every path in paths {
		denied(fixture.without(fixture.visit, path))
	}
}

# A query without one of its columns is a complete query.
columns := {["query", "datasets", 0, "columns", i] | some i in [0, 1, 2]}

test_empty_input_is_denied if {
	decision({}).allow == false
	decision(null).allow == false
}

test_no_data_is_denied if {
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
