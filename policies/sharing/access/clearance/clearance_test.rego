package sharing.access.clearance_test

import data.sharing.access.clearance
import data.sharing.access.fixture_test as fixture

low := fixture.patched(fixture.visit, ["requester", "clearance"], "general-1")

test_columns_up_to_the_clearance_are_established if {
	clearance.established with input as fixture.visit with data.catalog as fixture.catalog
	count(clearance.denials) == 0 with input as fixture.visit with data.catalog as fixture.catalog
}

test_column_above_the_clearance_is_denied if {
	not clearance.established with input as low with data.catalog as fixture.catalog
	denied(low, fixture.catalog, {"population.resident.name", "population.resident.resident_id"})
}

test_treatment_lowers_the_grade if {
	middle := fixture.patched(fixture.visit, ["requester", "clearance"], "general-2")
	clearance.established with input as middle with data.catalog as fixture.catalog
}

test_treatment_never_raises_the_grade if {
	masked := fixture.patched(fixture.catalog, ["purposes", "visits", "datasets", "population.resident", "columns", "sex"], {"action": "generalise", "mask": "date_year"})
	document := fixture.patched(fixture.request("visits", "population.resident", ["sex"]), ["requester", "clearance"], "general-1")
	clearance.established with input as document with data.catalog as masked
}

test_clear_and_look_up_keep_the_grade_whatever_the_table_says if {
	lowered := fixture.patched(fixture.catalog, ["grade_of_treated", "clear"], "general-1")
	denied(low, lowered, {"population.resident.name", "population.resident.resident_id"})
}

test_strictest_of_purpose_and_clearance_wins if {
	clearance.treatment("population.resident", "name") == {"action": "deny", "mask": null} with input as low
		with data.catalog as fixture.catalog
	clearance.treatment("population.resident", "sex") == {"action": "clear", "mask": null} with input as low
		with data.catalog as fixture.catalog
	clearance.treatment("population.resident", "resident_id") == {"action": "partial", "mask": "resident_id"} with input as fixture.visit
		with data.catalog as fixture.catalog
}

test_missing_grade_is_denied if {
	denied(fixture.visit, fixture.without(fixture.catalog, ["datasets", "population.resident", "columns", "name", "grade"]), {"population.resident.name"})
	denied(fixture.visit, fixture.patched(fixture.catalog, ["grades", "general-2"], false), {"population.resident.name"})
	denied(fixture.visit, fixture.patched(fixture.catalog, ["datasets", "population.resident", "columns", "resident_id", "grade"], "unheard-of"), {"population.resident.resident_id"})
}

test_missing_grade_of_treated_columns_is_denied if {
	middle := fixture.patched(fixture.visit, ["requester", "clearance"], "general-2")
	denied(middle, fixture.without(fixture.catalog, ["grade_of_treated", "partial"]), {"population.resident.resident_id"})
}

test_missing_clearance_is_denied if {
	not clearance.established with input as fixture.without(fixture.visit, ["requester", "clearance"])
		with data.catalog as fixture.catalog
}

denied(document, catalog, names) if {
	found := clearance.denials with input as document with data.catalog as catalog
	fixture.codes(found) == {"CLEARANCE_TOO_LOW"}
	{denial.message.en | some denial in found} == {sprintf("Your clearance is below the grade of '%s'.", [name]) | some name in names}
	not clearance.established with input as document with data.catalog as catalog
}
