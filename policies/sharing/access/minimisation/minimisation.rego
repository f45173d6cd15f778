# METADATA
# title: Only what the purpose needs
# description: >-
#   Establishes that every table and column is named by the purpose, that look-up keys are bound and few, and that
#   statistics stay statistics. A name that the purpose does not cover and a name that does not exist are denied alike, and
#   while one is denied nothing else is said about the query.
# custom:
#   basis: >-
#     Personal Information Protection Law, article 6; Shanghai decision of 2022-05-24 on unified city management
#     (minimum necessary)
package sharing.access.minimisation

import data.sharing.access.denial
import data.sharing.access.purpose
import data.sharing.access.request

shared_classes := {"unconditional", "conditional"}

# Forms in which a column may leave, by whether the purpose bounds the number of look-up keys.
forms := {
	false: {"null", "pseudonym", "partial", "generalise", "clear"},
	true: {"lookup", "null", "pseudonym", "partial", "generalise", "clear"},
}

default established := false

established if {
	names_available
	lookups_bounded
	statistics_only
}

# METADATA
# description: How the purpose needs each column of the query, by dataset. What it does not need is missing.
treatments := {dataset.name: columns |
	some dataset in input.query.datasets
	shared_classes[data.catalog.datasets[dataset.name].sharing_class]
	needed := purpose.declared.datasets[dataset.name].columns
	released := forms[is_number(purpose.declared.datasets[dataset.name].lookup_values_max)]
	columns := {column.name: treatment |
		some column in dataset.columns
		some use in column.uses
		request.uses[use]
		treatment := needed[column.name]
		released[treatment.action]
	}
} if {
	purpose.entitled
}

# METADATA
# description: Every name of the query is known and covered by the purpose.
default names_available := false

names_available if {
	input.query.unknown_names == []
	every dataset in input.query.datasets {
		count(treatments[dataset.name]) == count(dataset.columns)
	}
}

default lookups_bounded := false

lookups_bounded if {
	every dataset in input.query.datasets {
		lookup_bounded(dataset)
	}
}

lookup_bounded(dataset) if purpose.declared.datasets[dataset.name].lookup_values_max == null

lookup_bounded(dataset) if keys_bound(dataset) <= purpose.declared.datasets[dataset.name].lookup_values_max

# METADATA
# description: How many values the look-up key is bound to; undefined when it is not bound or is used in another way as well.
keys_bound(dataset) := values if {
	is_number(purpose.declared.datasets[dataset.name].lookup_values_max)
	keys := [column | some column in dataset.columns; treatments[dataset.name][column.name].action == "lookup"]
	count(keys) == 1
	keys[0].uses == ["looked_up"]
	values := dataset.lookup_values[keys[0].name]
	is_number(values)
	values >= 1
}

default statistics_only := false

statistics_only if purpose.declared.aggregate_only == false

statistics_only if {
	purpose.declared.aggregate_only == true
	input.query.aggregate_only == true
	every dataset in input.query.datasets {
		statistics_allowed(dataset)
	}
}

# METADATA
# description: People can be counted, and groups are formed only by columns that cannot single them out.
statistics_allowed(dataset) if {
	key := data.catalog.datasets[dataset.name].entity_key
	forms[false][purpose.declared.datasets[dataset.name].columns[key].action]
	grouped := {column.name | some column in dataset.columns; "grouped" in column.uses}
	groupable := {name | some name in grouped; data.catalog.datasets[dataset.name].columns[name].groupable == true}
	count(groupable) == count(grouped)
}

# METADATA
# description: Table names that are unknown or not covered, as the requester wrote them.
tables_denied contains dataset.name if {
	purpose.entitled
	some dataset in input.query.datasets
	not treatments[dataset.name]
}

tables_denied contains table if {
	purpose.entitled
	some name in input.query.unknown_names
	parts := split(name, ".")
	count(parts) > 1
	table := concat(".", array.slice(parts, 0, 2))
	not table_covered(table)
}

table_covered(table) if {
	shared_classes[data.catalog.datasets[table].sharing_class]
	purpose.declared.datasets[table]
}

# METADATA
# description: >-
#   Columns that are unknown or not covered, by their bare name: without its table, one that exists cannot be told from one
#   that does not.
columns_denied contains [column.name, dataset.name] if {
	count(tables_denied) == 0
	purpose.entitled
	some dataset in input.query.datasets
	some column in dataset.columns
	not treatments[dataset.name][column.name]
}

columns_denied contains [parts[count(parts) - 1], ""] if {
	count(tables_denied) == 0
	purpose.entitled
	some name in input.query.unknown_names
	parts := split(name, ".")
}

# METADATA
# description: A column as denials name it, with its table where the query has only one.
label(column) := concat(".", [input.query.datasets[0].name, column]) if count(input.query.datasets) == 1

label(column) := column if count(input.query.datasets) != 1

# METADATA
# description: Purposes of the requester that cover a table, or a column of it.
covering_table(table) := sort([id |
	name := table
	shared_classes[data.catalog.datasets[name].sharing_class]
	some id in purpose.usable
	data.catalog.purposes[id].datasets[name]
])

covering_column(table, column) := sort([id |
	dataset := table
	name := column
	shared_classes[data.catalog.datasets[dataset].sharing_class]
	some id in purpose.usable
	forms[true][data.catalog.purposes[id].datasets[dataset].columns[name].action]
])

not_available(name, purposes) := denial.make("NOT_AVAILABLE", "minimisation", [name], "DECLARE_COVERING", purposes) if {
	count(purposes) > 0
}

not_available(name, purposes) := denial.make("NOT_AVAILABLE", "minimisation", [name], "LEAVE_OUT", []) if {
	count(purposes) == 0
}

denials contains not_available(table, covering_table(table)) if some table in tables_denied

denials contains not_available(label(column), covering_column(table, column)) if some [column, table] in columns_denied

denials contains denial.make("LOOKUP_ONLY", "minimisation", [dataset.name], "BIND_KEY", []) if {
	names_available
	some dataset in input.query.datasets
	not keys_bound(dataset)
	not lookup_bounded(dataset)
}

denials contains denial.make("LOOKUP_TOO_MANY", "minimisation", [dataset.name], "BIND_FEWER_KEYS", [format_int(values_max, 10)]) if {
	names_available
	some dataset in input.query.datasets
	values_max := purpose.declared.datasets[dataset.name].lookup_values_max
	keys_bound(dataset) > values_max
}

denials contains denial.make("STATISTICS_ONLY", "minimisation", [], "COUNT_ONLY", []) if {
	names_available
	not statistics_only
}
