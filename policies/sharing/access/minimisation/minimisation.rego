# METADATA
# title: Only what the purpose needs
# description: >-
#   Establishes that every table and column is named by the purpose, that look-up keys are bound and few, and that no
#   forbidden combination comes together. A name that the purpose does not cover and a name that does not exist are denied
#   alike, and while one is denied nothing else is said about the query.
# custom:
#   basis: >-
#     Personal Information Protection Law, articles 6 and 28; Shanghai decision of 2022-05-24 on unified city management
#     (minimum necessary)
package sharing.access.minimisation

import data.sharing.access.denial
import data.sharing.access.purpose
import data.sharing.access.request

shared_classes := {"unconditional", "conditional"}

# Forms in which a column may leave, by whether the purpose bounds the number of look-up keys.
forms := {
	false: {"clear", "partial", "generalise", "pseudonym", "null"},
	true: {"clear", "partial", "generalise", "pseudonym", "null", "lookup"},
}

default established := false

established if {
	names_available
	lookups_bounded
	combinations_permitted
}

# METADATA
# description: How the purpose needs each column of the query, by dataset. What it does not need is missing.
treatments := {dataset.name: columns |
	some dataset in input.query.datasets
	shared_classes[request.catalogued[dataset.name].sharing_class]
	need := purpose.needs[dataset.name]
	needed := need.columns
	released := forms[is_number(need.lookup_values_max)]
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

lookup_bounded(dataset) if purpose.needs[dataset.name].lookup_values_max == null

lookup_bounded(dataset) if keys_bound[dataset.name] <= purpose.needs[dataset.name].lookup_values_max

# METADATA
# description: How many values the look-up key of each dataset is bound to; missing where it is not bound.
keys_bound[dataset.name] := values if {
	some dataset in input.query.datasets
	values := values_bound(dataset)
}

# METADATA
# description: Undefined also when the key is used in another way as well.
values_bound(dataset) := values if {
	is_number(purpose.needs[dataset.name].lookup_values_max)
	keys := [column | some column in dataset.columns; treatments[dataset.name][column.name].action == "lookup"]
	count(keys) == 1
	keys[0].uses == ["looked_up"]
	values := dataset.lookup_values[keys[0].name]
	is_number(values)
	values >= 1
}

# METADATA
# title: Forbidden combinations
# description: >-
#   Some kinds of information must not come together in one result, whatever each may do alone. A combination is complete
#   when the query uses at least one column of each of its members, shown or not. Nulls and pseudonyms tell nothing, and
#   statistics show no single row.
# custom:
#   basis: Personal Information Protection Law, articles 6 and 28; GB/T 43697-2024 (the grade of what is brought together)
default combinations_permitted := false

combinations_permitted if purpose.declared.aggregate_only == true

combinations_permitted if purpose.declared.combinations == []

combinations_permitted if {
	purpose.declared.combinations[0]
	every combination in purpose.declared.combinations {
		permitted(combination)
	}
}

permitted(combination) if {
	some id in purpose.declared.permitted_combinations
	id == combination.id
}

permitted(combination) if {
	some member in combination.members
	is_object(member)
	not brought(member)
}

# METADATA
# description: The query uses a column whose values belong to this member of a combination.
brought(member) if {
	some dataset in input.query.datasets
	columns := member[dataset.name]
	some column in dataset.columns
	columns[column.name] == true
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
	purpose.needs[table]
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
	not keys_bound[dataset.name]
	not lookup_bounded(dataset)
}

denials contains denial.make("LOOKUP_TOO_MANY", "minimisation", [dataset.name], "BIND_FEWER_KEYS", [format_int(values_max, 10)]) if {
	names_available
	some dataset in input.query.datasets
	values_max := purpose.needs[dataset.name].lookup_values_max
	keys_bound[dataset.name] > values_max
}

denials contains object.union(told, {"legal_basis": combination.legal_basis}) if {
	names_available
	not combinations_permitted
	some combination in purpose.declared.combinations
	not permitted(combination)
	told := denial.titled(denial.make("COMBINATION_FORBIDDEN", "minimisation", [], "LEAVE_OUT_KIND", []), combination.title)
}
