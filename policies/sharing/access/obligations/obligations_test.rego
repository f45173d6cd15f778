package sharing.access.obligations_test

import data.sharing.access.fixture_test as fixture
import data.sharing.access.obligations

counted := fixture.request("statistics", "population.resident", ["sex"])

test_obligations_of_the_purpose_are_established if {
	established(fixture.visit, fixture.catalog)
	established(counted, fixture.catalog)
	count(obligations.denials) == 0 with input as fixture.visit with data.catalog as fixture.catalog
	obligations.accepted == {"rows_max": 100, "retention_days": 30, "onward_sharing": false} with input as fixture.visit
		with data.catalog as fixture.catalog
}

test_missing_obligation_is_denied if {
	every name in ["rows_max", "retention_days", "onward_sharing"] {
		denied(fixture.visit, fixture.without(fixture.catalog, ["purposes", "visits", "obligations", name]))
	}
	denied(fixture.visit, fixture.without(fixture.catalog, ["purposes", "visits", "obligations"]))
}

test_malformed_obligation_is_denied if {
	every change in [["rows_max", 0], ["rows_max", "100"], ["retention_days", 0], ["retention_days", null], ["onward_sharing", 0]] {
		denied(fixture.visit, fixture.patched(fixture.catalog, ["purposes", "visits", "obligations", change[0]], change[1]))
	}
}

test_statistic_without_a_smallest_group_is_denied if {
	every people_min in [1, 0, "10", null] {
		denied(counted, fixture.patched(fixture.catalog, ["purposes", "statistics", "people_min"], people_min))
	}
	denied(counted, fixture.without(fixture.catalog, ["purposes", "statistics", "people_min"]))
}

test_rows_with_a_smallest_group_are_denied if {
	denied(fixture.visit, fixture.patched(fixture.catalog, ["purposes", "visits", "people_min"], 10))
	denied(fixture.visit, fixture.without(fixture.catalog, ["purposes", "visits", "aggregate_only"]))
}

test_nothing_is_said_when_the_purpose_is_not_open if {
	closed := fixture.patched(fixture.visit, ["requester", "roles"], ["auditor"])
	not established(closed, fixture.catalog)
	count(obligations.denials) == 0 with input as closed with data.catalog as fixture.catalog
}

established(document, catalog) if obligations.established with input as document with data.catalog as catalog

denied(document, catalog) if {
	fixture.codes(obligations.denials) == {"OBLIGATIONS_UNKNOWN"} with input as document with data.catalog as catalog
	not established(document, catalog)
}
