package sharing.access.statistics_test

import data.sharing.access.fixture_test as fixture
import data.sharing.access.statistics

test_allows_counts_of_people_by_group if {
	established(fixture.statistic, fixture.catalog)
	count(statistics.denials) == 0 with input as fixture.statistic with data.catalog as fixture.catalog
}

test_allows_rows_where_the_purpose_is_not_one_for_statistics if established(fixture.visit, fixture.catalog)

test_allows_a_count_of_rows_alone if {
	established(fixture.patched(fixture.statistic, ["query", "datasets", "0", "columns"], []), fixture.catalog)
}

test_allows_each_use_on_the_columns_that_fit_it if {
	uses := [
		["sex", ["filtered"]],
		["sex", ["grouped", "selected"]],
		["resident_id", ["counted", "joined"]],
		["household_id", ["counted"]],
		["household_id", ["joined"]],
		["members", ["summed"]],
	]
	every use in uses {
		established(using(use[0], use[1]), fixture.catalog)
	}
}

test_denies_a_query_for_rows if {
	denied(fixture.patched(fixture.statistic, ["query", "aggregate_only"], false), fixture.catalog)
}

test_denies_a_use_that_could_single_people_out if {
	uses := [
		["name", ["grouped"]],
		["name", ["filtered"]],
		["name", ["counted"]],
		["name", ["joined"]],
		["household_id", ["grouped"]],
		["resident_id", ["filtered"]],
		["resident_id", ["looked_up"]],
		["resident_id", ["counted", "grouped"]],
		["sex", ["counted"]],
		["sex", ["aggregated"]],
		["sex", ["grouped", "ordered"]],
		["resident_id", ["counted", "selected"]],
		["members", ["grouped"]],
		["sex", ["summed"]],
		["members", ["aggregated", "summed"]],
	]
	every use in uses {
		denied(using(use[0], use[1]), fixture.catalog)
	}
}

test_denies_the_sum_of_a_column_that_is_not_clear if {
	denied(using("members", ["summed"]), fixture.patched(fixture.catalog, ["purposes", "statistics", "datasets", "population.resident", "columns", "members"], {"action": "generalise", "mask": "bucket"}))
}

test_denies_a_statistic_whose_people_cannot_be_counted if {
	denied(
		json.patch(fixture.statistic, [
			{"op": "add", "path": "/query/datasets/0/name", "value": "health.health_code"},
			{"op": "add", "path": "/query/datasets/0/columns", "value": [{"name": "colour", "uses": ["grouped"]}]},
		]),
		fixture.catalog,
	)
	every action in ["null", "partial", "lookup"] {
		not established(fixture.statistic, fixture.patched(fixture.catalog, ["purposes", "statistics", "datasets", "population.resident", "columns", "resident_id", "action"], action))
	}
}

test_says_nothing_while_a_name_is_not_available if {
	unavailable := json.patch(fixture.statistic, [
		{"op": "add", "path": "/query/unknown_names", "value": ["x"]},
		{"op": "add", "path": "/query/aggregate_only", "value": false},
	])
	count(statistics.denials) == 0 with input as unavailable with data.catalog as fixture.catalog
}

test_missing_rule_about_statistics_is_denied if {
	denied(fixture.statistic, fixture.without(fixture.catalog, ["purposes", "statistics", "aggregate_only"]))
	denied(fixture.visit, fixture.without(fixture.catalog, ["purposes", "visits", "aggregate_only"]))
}

test_missing_attribute_of_a_column_or_dataset_is_denied if {
	resident := ["datasets", "population.resident"]
	denied(fixture.statistic, fixture.without(fixture.catalog, array.concat(resident, ["entity_key"])))
	denied(fixture.statistic, fixture.without(fixture.catalog, array.concat(resident, ["columns", "sex", "groupable"])))
	denied(using("members", ["summed"]), fixture.without(fixture.catalog, array.concat(resident, ["columns", "members", "clamped"])))
}

test_missing_uses_are_denied if {
	not established(using("sex", []), fixture.catalog)
	not established(fixture.without(fixture.statistic, ["query", "aggregate_only"]), fixture.catalog)
}

using(name, uses) := fixture.patched(fixture.statistic, ["query", "datasets", "0", "columns"], [{"name": name, "uses": uses}])

established(document, catalog) if statistics.established with input as document with data.catalog as catalog

denied(document, catalog) if {
	fixture.codes(statistics.denials) == {"STATISTICS_ONLY"} with input as document with data.catalog as catalog
	not established(document, catalog)
}
