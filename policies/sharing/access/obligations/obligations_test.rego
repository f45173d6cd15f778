package sharing.access.obligations_test

import data.sharing.access.fixture_test as fixture
import data.sharing.access.obligations

counted := fixture.statistic

test_allows_the_obligations_of_the_purpose if {
	established(fixture.visit, fixture.catalog)
	established(counted, fixture.catalog)
	count(obligations.denials) == 0 with input as fixture.visit with data.catalog as fixture.catalog
	accepted(fixture.visit, fixture.catalog) == {
		"rows_max": 100,
		"rows_per_day_max": 500,
		"lookups_per_day_max": null,
		"retention_days": 30,
		"onward_sharing": false,
		"grade": "general-2",
		"agreements": ["a1"],
		"emergency": null,
	}
}

test_allows_no_more_rows_than_the_day_has_left if {
	accepted(fixture.patched(fixture.visit, ["context", "usage", "rows"], 499), fixture.catalog).rows_max == 1
	accepted(fixture.patched(fixture.visit, ["context", "usage", "rows"], 400), fixture.catalog).rows_max == 100
}

test_allows_with_the_highest_grade_of_what_is_brought_together if {
	accepted(fixture.look_up, fixture.catalog).grade == "general-3"
	accepted(fixture.request("visits", "population.resident", ["sex"]), fixture.catalog).grade == "general-1"
	accepted(fixture.request("visits", "population.resident", []), fixture.catalog).grade == "general-1"
}

test_allows_with_the_emergency_that_opened_the_purpose if {
	declared := {"id": "e1", "area": "31", "purposes": ["epidemic"], "starts_at": 1500, "ends_at": 2500}
	document := fixture.patched(fixture.request("epidemic", "population.resident", ["name"]), ["context", "emergencies"], [declared])
	accepted(document, fixture.catalog).emergency == "e1"
}

test_missing_obligation_is_denied if {
	every name in ["rows_max", "retention_days", "onward_sharing"] {
		denied(fixture.visit, fixture.without(fixture.catalog, ["purposes", "visits", "obligations", name]))
	}
	denied(fixture.visit, fixture.without(fixture.catalog, ["purposes", "visits", "obligations"]))
}

test_denies_a_malformed_obligation if {
	every change in [["rows_max", 0], ["rows_max", "100"], ["retention_days", 0], ["retention_days", null], ["onward_sharing", 0]] {
		denied(fixture.visit, fixture.patched(fixture.catalog, ["purposes", "visits", "obligations", change[0]], change[1]))
	}
}

test_denies_a_statistic_without_a_smallest_group if {
	every people_min in [1, 0, "10", null] {
		denied(counted, fixture.patched(fixture.catalog, ["purposes", "statistics", "people_min"], people_min))
	}
	denied(counted, fixture.without(fixture.catalog, ["purposes", "statistics", "people_min"]))
}

test_denies_rows_with_a_smallest_group if {
	denied(fixture.visit, fixture.patched(fixture.catalog, ["purposes", "visits", "people_min"], 10))
	denied(fixture.visit, fixture.without(fixture.catalog, ["purposes", "visits", "aggregate_only"]))
}

test_says_nothing_when_the_purpose_is_not_open if {
	closed := fixture.patched(fixture.visit, ["requester", "roles"], ["auditor"])
	not established(closed, fixture.catalog)
	count(obligations.denials) == 0 with input as closed with data.catalog as fixture.catalog
}

accepted(document, catalog) := found if {
	found := obligations.accepted with input as document with data.catalog as catalog
}

established(document, catalog) if obligations.established with input as document with data.catalog as catalog

denied(document, catalog) if {
	fixture.codes(obligations.denials) == {"OBLIGATIONS_UNKNOWN"} with input as document with data.catalog as catalog
	not established(document, catalog)
}
