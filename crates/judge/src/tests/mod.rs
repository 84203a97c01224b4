mod bundle;
mod protocol;
mod python_values;
mod verdicts;
