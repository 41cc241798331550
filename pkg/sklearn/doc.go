// Package sklearn imitates what the original programs use of scikit-learn
// (https://scikit-learn.org/stable/api/): train_test_split, MinMaxScaler, confusion_matrix and
// classification_report.
package sklearn
