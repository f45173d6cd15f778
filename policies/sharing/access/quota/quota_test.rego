package sharing.access.quota_test

import data.sharing.access.fixture_test as fixture
import data.sharing.access.quota

two_keys := fixture.patched(fixture.look_up, ["query", "datasets", "0", "lookup_values", "resident_id"], 2)

test_allows_what_the_day_has_left if {
	established(used(fixture.visit, 499, 0), fixture.catalog)
	quota.rows_left == 1 with input as used(fixture.visit, 499, 0) with data.catalog as fixture.catalog
	established(used(two_keys, 0, 18), fixture.catalog)
	count(quota.denials) == 0 with input as used(two_keys, 0, 18) with data.catalog as fixture.catalog
}

test_denies_more_keys_than_left_over_all_datasets if {
	other := object.union(two_keys.query.datasets[0], {"name": "population.resident"})
	wider := json.patch(fixture.catalog, [{
		"op": "add",
		"path": ["purposes", "verification", "datasets", "population.resident"],
		"value": fixture.catalog.purposes.verification.datasets["health.health_code"],
	}])
	both := fixture.patched(two_keys, ["query", "datasets", "1"], json.remove(other, ["columns/0"]))
	established(used(both, 0, 16), wider)
	denied(used(both, 0, 17), wider, "Keys that you may look up in a day: 20. Bind fewer, or try again tomorrow (Shanghai time).")
}

test_denies_rows_beyond_the_day if {
	denied(used(fixture.visit, 500, 0), fixture.catalog, "Rows that you may receive in a day: 500. Try again tomorrow (Shanghai time).")
	denied(used(fixture.visit, 501, 0), fixture.catalog, "Rows that you may receive in a day: 500. Try again tomorrow (Shanghai time).")
}

test_denies_look_ups_beyond_the_day if {
	denied(used(two_keys, 0, 19), fixture.catalog, "Keys that you may look up in a day: 20. Bind fewer, or try again tomorrow (Shanghai time).")
}

test_denies_look_ups_where_none_are_counted if {
	uncounted := fixture.patched(fixture.catalog, ["purposes", "verification", "quota", "lookups_per_day_max"], null)
	denied(fixture.look_up, uncounted, "Ask the gateway's administrator to check how the purpose and its datasets are registered.")
}

test_says_nothing_while_a_name_is_not_available if {
	unavailable := fixture.patched(used(fixture.visit, 500, 0), ["query", "unknown_names"], ["x"])
	count(quota.denials) == 0 with input as unavailable with data.catalog as fixture.catalog
	not established(unavailable, fixture.catalog)
}

test_missing_quota_is_denied if {
	remedy := "Ask the gateway's administrator to check how the purpose and its datasets are registered."
	denied(fixture.visit, fixture.without(fixture.catalog, ["purposes", "visits", "quota"]), remedy)
	every name in ["rows_per_day_max", "lookups_per_day_max"] {
		denied(fixture.visit, fixture.without(fixture.catalog, ["purposes", "visits", "quota", name]), remedy)
		denied(fixture.visit, fixture.patched(fixture.catalog, ["purposes", "visits", "quota", name], "500"), remedy)
	}
}

test_missing_usage_is_denied if {
	every name in ["rows", "lookups"] {
		not established(fixture.without(fixture.look_up, ["context", "usage", name]), fixture.catalog)
	}
}

used(document, rows, lookups) := fixture.patched(document, ["context", "usage"], {"rows": rows, "lookups": lookups})

established(document, catalog) if quota.established with input as document with data.catalog as catalog

denied(document, catalog, remedy) if {
	found := quota.denials with input as document with data.catalog as catalog
	{[denial.code, denial.remedy.en] | some denial in found} == {["QUOTA_EXCEEDED", remedy]}
	not established(document, catalog)
}
