package sharing.access.clearance_test

import data.sharing.access.clearance
import data.sharing.access.fixture_test as fixture

low := fixture.patched(fixture.visit, ["requester", "clearance"], "general-1")

test_allows_columns_up_to_the_clearance if {
	clearance.established with input as fixture.visit with data.catalog as fixture.catalog
	count(clearance.denials) == 0 with input as fixture.visit with data.catalog as fixture.catalog
}

test_denies_columns_above_the_clearance if {
	not clearance.established with input as low with data.catalog as fixture.catalog
	denied(low, fixture.catalog, {"population.resident.name", "population.resident.resident_id"})
}

test_allows_what_its_treatment_brings_below_the_clearance if {
	middle := fixture.patched(fixture.visit, ["requester", "clearance"], "general-2")
	clearance.established with input as middle with data.catalog as fixture.catalog
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
	grades := ["purposes", "visits", "datasets", "population.resident", "grades"]
	denied(fixture.visit, fixture.without(fixture.catalog, array.concat(grades, ["name"])), {"population.resident.name"})
	denied(fixture.visit, fixture.patched(fixture.catalog, array.concat(grades, ["name"]), "unheard-of"), {"population.resident.name"})
	denied(fixture.visit, fixture.without(fixture.catalog, grades), {"population.resident.name", "population.resident.resident_id", "population.resident.sex"})
}

test_missing_reach_of_the_clearance_is_denied if {
	within := ["grades_within", "general-3"]
	denied(fixture.visit, fixture.without(fixture.catalog, array.concat(within, ["general-2"])), {"population.resident.name", "population.resident.resident_id"})
	denied(fixture.visit, fixture.patched(fixture.catalog, array.concat(within, ["general-2"]), false), {"population.resident.name", "population.resident.resident_id"})
}

test_missing_clearance_is_denied if {
	not clearance.established with input as fixture.without(fixture.visit, ["requester", "clearance"])
		with data.catalog as fixture.catalog
}

test_allows_what_the_channel_may_carry if {
	clearance.established with input as through("console", ["name", "resident_id", "sex"]) with data.catalog as fixture.catalog
}

test_denies_what_the_channel_may_not_carry if {
	lower := fixture.patched(fixture.catalog, ["channel_ceilings", "console"], "general-1")
	refused(through("console", ["name", "sex"]), lower, {"population.resident.name"})
	clearance.treatment("population.resident", "name").action == "deny" with input as through("console", ["name"])
		with data.catalog as lower
}

test_denies_by_clearance_before_channel if {
	found := clearance.denials with input as fixture.patched(through("console", ["name"]), ["requester", "clearance"], "general-1")
		with data.catalog as fixture.patched(fixture.catalog, ["channel_ceilings", "console"], "general-1")
	fixture.codes(found) == {"CLEARANCE_TOO_LOW"}
}

test_missing_ceiling_is_denied_also_without_columns if {
	every columns in [["name", "sex"], []] {
		refused(through("fax", columns), fixture.catalog, {"population.resident"})
		refused(through("console", columns), fixture.patched(fixture.catalog, ["channel_ceilings", "console"], "unheard-of"), {"population.resident"})
		refused(through("console", columns), fixture.without(fixture.catalog, ["channel_ceilings"]), {"population.resident"})
	}
	not clearance.established with input as fixture.without(fixture.visit, ["context", "channel"])
		with data.catalog as fixture.catalog
}

test_grade_of_the_whole_is_the_highest_after_treatment if {
	clearance.highest_grade == "general-2" with input as fixture.visit with data.catalog as fixture.catalog
	clearance.highest_grade == "general-3" with input as fixture.look_up with data.catalog as fixture.catalog
	clearance.highest_grade == "general-1" with input as fixture.statistic with data.catalog as fixture.catalog
	clearance.highest_grade == "general-1" with input as through("flight_sql", []) with data.catalog as fixture.catalog
}

through(channel, columns) := fixture.patched(fixture.request("visits", "population.resident", columns), ["context", "channel"], channel)

refused(document, catalog, names) if {
	found := clearance.denials with input as document with data.catalog as catalog
	fixture.codes(found) == {"CHANNEL_CEILING"}
	{denial.message.en | some denial in found} == {sprintf("The grade of '%s' is above what this channel may carry.", [name]) | some name in names}
	not clearance.established with input as document with data.catalog as catalog
}

denied(document, catalog, names) if {
	found := clearance.denials with input as document with data.catalog as catalog
	fixture.codes(found) == {"CLEARANCE_TOO_LOW"}
	{denial.message.en | some denial in found} == {sprintf("Your clearance is below the grade of '%s'.", [name]) | some name in names}
	not clearance.established with input as document with data.catalog as catalog
}
