package sharing.access.minimisation_combinations_test

import data.sharing.access.fixture_test as fixture
import data.sharing.access.minimisation

telephone := {"name": "population.resident", "lookup_values": {}, "consents": 0, "columns": [{"name": "phone", "uses": ["filtered"]}]}

health := fixture.patched(fixture.request("inspection", "health.health_code", ["colour"]), ["case"], "FS-1234")

together := fixture.patched(health, ["query", "datasets", "1"], telephone)

test_allows_one_part_of_a_combination if {
	established(health, fixture.catalog)
	established(fixture.patched(health, ["query", "datasets"], [telephone]), fixture.catalog)
}

test_allows_two_columns_of_one_part if {
	two := fixture.patched(fixture.catalog, array.concat(members, ["1", "population.resident", "name"]), true)
	established(fixture.patched(health, ["query", "datasets"], [telephone]), two)
}

test_allows_a_purpose_that_names_the_combination if {
	established(together, fixture.patched(fixture.catalog, ["purposes", "inspection", "permitted_combinations"], ["whereabouts"]))
}

test_allows_statistics_of_both_parts if {
	established(together, json.patch(fixture.catalog, [{"op": "add", "path": "/purposes/inspection/aggregate_only", "value": true}]))
}

test_allows_everything_where_no_combination_is_forbidden if {
	established(together, fixture.patched(fixture.catalog, ["purposes", "inspection", "combinations"], []))
}

test_denies_the_whole_combination_and_says_which if {
	denied(together, fixture.catalog)
	some denial in minimisation.denials with input as together with data.catalog as fixture.catalog
	denial.message == {"zh": "该查询把不得汇集的信息放在一起：健康与电话。", "en": "The query brings together what must stay apart: health with telephone."}
	denial.legal_basis.en == "article 6"
}

test_denies_whatever_column_completes_it if {
	named := fixture.patched(fixture.catalog, array.concat(members, ["1"]), {"population.resident": {"name": true}})
	denied(fixture.patched(together, ["query", "datasets", "1", "columns", "-"], {"name": "name", "uses": ["selected"]}), named)
	established(together, named)
}

test_missing_combinations_are_denied if {
	not established(fixture.visit, fixture.without(fixture.catalog, ["purposes", "visits", "combinations"]))
	every combinations in [null, {}, "", false, 7, [null], [{}], [{"id": "whereabouts", "members": [null, false]}]] {
		not established(fixture.visit, fixture.patched(fixture.catalog, ["purposes", "visits", "combinations"], combinations))
	}
	not established(together, fixture.without(fixture.catalog, array.concat(members, [])))
}

test_missing_permission_is_denied if {
	not established(together, fixture.without(fixture.catalog, ["purposes", "inspection", "permitted_combinations"]))
}

members := ["purposes", "inspection", "combinations", "0", "members"]

established(document, catalog) if minimisation.established with input as document with data.catalog as catalog

denied(document, catalog) if {
	fixture.codes(minimisation.denials) == {"COMBINATION_FORBIDDEN"} with input as document with data.catalog as catalog
	not established(document, catalog)
}
