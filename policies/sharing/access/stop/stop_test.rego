package sharing.access.stop_test

import data.sharing.access.fixture_test as fixture
import data.sharing.access.stop

joined := fixture.patched(
	fixture.patched(fixture.request("inspection", "population.resident", ["name"]), ["case"], "FS-0001"),
	["query", "datasets", "1"], fixture.request("inspection", "health.health_code", ["colour"]).query.datasets[0],
)

test_allows_what_nobody_has_stopped if {
	goes_on(fixture.visit)
}

test_allows_beside_stops_of_something_else if {
	others := [
		["dataset", "health", "health.health_code"],
		["column", "police", "population.resident.phone"],
		["column", "health", "health.health_code.name"],
		["office", "health", "310101002"],
		["office", "police", "310101"],
		["agreement", "police", "a1"],
	]
	every other in others {
		goes_on(with_stop(fixture.visit, other))
	}
}

test_denies_a_stopped_dataset if {
	denied(with_stop(fixture.visit, ["dataset", "police", "population.resident"]), {"DATASET_STOPPED"})
	denied(with_stop(joined, ["dataset", "health", "health.health_code"]), {"DATASET_STOPPED"})
	denied(with_stop(fixture.statistic, ["dataset", "police", "population.resident"]), {"DATASET_STOPPED"})
	denied(with_stop(fixture.look_up, ["dataset", "health", "health.health_code"]), {"DATASET_STOPPED"})
}

test_denies_a_stopped_column_however_it_is_used_and_names_it if {
	stopped := with_stop(fixture.visit, ["column", "police", "population.resident.sex"])
	every use in ["selected", "filtered", "joined", "grouped", "ordered"] {
		denied(fixture.patched(stopped, ["query", "datasets", "0", "columns", "2", "uses"], [use]), {"COLUMN_STOPPED"})
	}
	some denial in stop.denials with input as stopped with data.catalog as fixture.catalog
	denial.message.en == "The column 'population.resident.sex' has been stopped."
	denial.remedy.zh == "请去掉该列，或等待停用解除；“停用”清单列出由谁、因何停用。"
}

test_denies_the_controllers_datasets_to_a_stopped_office if {
	denied(with_stop(fixture.visit, ["office", "police", "310101002"]), {"OFFICE_STOPPED"})
	stopped := with_stop(joined, ["office", "health", "310101002"])
	denied(stopped, {"OFFICE_STOPPED"})
	some denial in stop.denials with input as stopped with data.catalog as fixture.catalog
	denial.message.en == "The controller of 'health.health_code' has stopped sharing with your office."
}

test_denies_every_stop_at_once if {
	both := fixture.patched(
		with_stop(fixture.visit, ["dataset", "police", "population.resident"]),
		["context", "stops", "1"], {"kind": "office", "controller": "police", "target": "310101002"},
	)
	denied(both, {"DATASET_STOPPED", "OFFICE_STOPPED"})
}

test_says_nothing_while_a_name_is_not_available if {
	stopped := with_stop(fixture.visit, ["dataset", "police", "population.resident"])
	unavailable := fixture.patched(stopped, ["query", "unknown_names"], ["x"])
	not established(unavailable, fixture.catalog)
	count(stop.denials) == 0 with input as unavailable with data.catalog as fixture.catalog
}

test_missing_or_malformed_stop_is_not_established if {
	not established(fixture.without(fixture.visit, ["context", "stops"]), fixture.catalog)
	one := with_stop(fixture.visit, ["office", "health", "310101"])
	goes_on(one)
	every name in ["kind", "controller", "target"] {
		not established(fixture.without(one, ["context", "stops", "0", name]), fixture.catalog)
		not established(fixture.patched(one, ["context", "stops", "0", name], 7), fixture.catalog)
	}
	not established(fixture.patched(one, ["context", "stops", "0", "kind"], "city"), fixture.catalog)
	not established(fixture.patched(one, ["context", "stops"], {}), fixture.catalog)
}

test_missing_controller_is_denied_while_anything_is_stopped if {
	unowned := fixture.without(fixture.catalog, ["datasets", "population.resident", "controller"])
	stopped := with_stop(fixture.visit, ["office", "health", "310101"])
	not established(stopped, unowned)
	fixture.codes(stop.denials) == {"OFFICE_STOPPED"} with input as stopped with data.catalog as unowned
	established(fixture.visit, unowned)
}

with_stop(document, stopped) := fixture.patched(document, ["context", "stops"], [{"kind": stopped[0], "controller": stopped[1], "target": stopped[2]}])

established(document, catalog) if stop.established with input as document with data.catalog as catalog

goes_on(document) if {
	established(document, fixture.catalog)
	count(stop.denials) == 0 with input as document with data.catalog as fixture.catalog
}

denied(document, codes) if {
	fixture.codes(stop.denials) == codes with input as document with data.catalog as fixture.catalog
	not established(document, fixture.catalog)
}
