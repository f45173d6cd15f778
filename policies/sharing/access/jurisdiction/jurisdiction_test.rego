package sharing.access.jurisdiction_test

import data.sharing.access.fixture_test as fixture
import data.sharing.access.jurisdiction

counted := fixture.patched(fixture.request("statistics", "population.resident", ["sex"]), ["query", "aggregate_only"], true)

verification := fixture.request("verification", "health.health_code", ["colour"])

test_rows_of_the_office_are_established if {
	filters(fixture.visit, fixture.catalog) == {"population.resident": {"op": "prefix", "column": "residence_division", "values": ["310101002"]}}
	established(fixture.visit, fixture.catalog)
	count(jurisdiction.denials) == 0 with input as fixture.visit with data.catalog as fixture.catalog
}

test_column_is_the_one_that_the_purpose_names if {
	registered := fixture.patched(fixture.catalog, ["purposes", "visits", "datasets", "population.resident", "jurisdiction"], "registration")
	filters(fixture.visit, registered)["population.resident"].column == "registration_division"
}

test_statistics_and_look_ups_may_reach_the_municipality if {
	filters(counted, fixture.catalog)["population.resident"] == {"op": "prefix", "column": "residence_division", "values": ["31"]}
	filters(verification, fixture.catalog)["health.health_code"] == {"op": "prefix", "column": "residence_division", "values": ["31"]}
}

test_rows_anywhere_are_denied_to_anything_else if {
	denied(fixture.visit, fixture.patched(fixture.catalog, ["purposes", "visits", "datasets", "population.resident", "jurisdiction"], "anywhere"))
}

test_unknown_kind_of_jurisdiction_is_denied if {
	denied(fixture.visit, fixture.patched(fixture.catalog, ["purposes", "visits", "datasets", "population.resident", "jurisdiction"], "premises"))
	denied(fixture.visit, fixture.without(fixture.catalog, ["purposes", "visits", "datasets", "population.resident", "jurisdiction"]))
	denied(fixture.visit, fixture.without(fixture.catalog, ["datasets", "population.resident", "jurisdiction"]))
	denied(counted, fixture.patched(fixture.catalog, ["datasets", "population.resident", "jurisdiction"], {}))
}

test_missing_division_is_denied if {
	not established(fixture.without(fixture.visit, ["requester", "division_code"]), fixture.catalog)
}

test_nothing_is_established_while_a_name_is_not_available if {
	not established(fixture.request("visits", "population.resident", ["phone"]), fixture.catalog)
}

filters(document, catalog) := found if {
	found := jurisdiction.row_filters with input as document with data.catalog as catalog
}

established(document, catalog) if jurisdiction.established with input as document with data.catalog as catalog

denied(document, catalog) if {
	fixture.codes(jurisdiction.denials) == {"JURISDICTION_UNKNOWN"} with input as document with data.catalog as catalog
	not established(document, catalog)
}
